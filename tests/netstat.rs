//! rnetstat compared with net-tools' netstat over the same sockets, and its own options.

#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    mounts,
    netns::{Namespace, ip},
    netstat::{matches_netstat, rnetstat, text},
    privilege::BinaryCopy,
    sample_sockets::{LONG, SampleSockets, at},
    skip,
    sock::Sock,
    terminal, wait,
};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn rnetstat_prints_the_fields_that_netstat_prints() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let sample_sockets = SampleSockets::new()?;
    for state in ["LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT2", "TIME_WAIT"] {
        ensure!(sample_sockets.text(&["-ant"])?.contains(state), "nothing is in {state}");
    }
    sample_sockets.netns.run(|| {
        for flags in [
            "-ant",
            "-anu",
            "-anx",
            "-antp",
            "-tulpn",
            "-ante",
            "-anto",
            "-rn",
            "-i",
            "-s",
            "-rn6",
            "-an",
            "-n",
            "-ln",
            "-anp",
            "-anw",
            "-anxp",
            "-antuwxpeo",
            "-4an",
            "-6an",
            "-rne",
            "-rnee",
            "-ia",
            "-st",
            "-su",
            "-sw",
            "-s6",
            "-anW",
        ] {
            matches_netstat(&[flags])?;
        }
        matches_netstat(&["--numeric-hosts"])
    })
}

#[test]
fn ports_and_users_have_the_names_that_netstat_prints() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let sample_sockets = SampleSockets::new()?;
    sample_sockets.netns.run(|| matches_netstat(&["-ltue", "--numeric-hosts"]))
}

#[test]
fn filters_show_only_matching_sockets() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let sample_sockets = SampleSockets::new()?;
    let rows = |arguments: &[&str]| -> Result<Vec<String>> {
        let text = sample_sockets.text(&[&["-ant"], arguments].concat())?;
        Ok(text.lines().skip(2).map(str::to_owned).collect())
    };
    for (arguments, matches) in [
        (&["--state", "time-wait"][..], &["TIME_WAIT"][..]),
        (&["--port", "8081", "--state", "listening"], &["LISTEN"]),
        (&["--addr", LONG], &[LONG]),
        (&["--remote-port", "9"], &["10.99.0.2:9"]),
    ] {
        let rows = rows(arguments)?;
        ensure!(!rows.is_empty(), "nothing with {arguments:?}");
        for row in &rows {
            ensure!(matches.iter().all(|word| row.contains(word)), "{arguments:?} let through {row}");
        }
    }
    let own = std::process::id().to_string();
    ensure!(rows(&["--pid", &own])?.iter().all(|row| !row.contains("TIME_WAIT")), "TIME_WAIT has no owner");
    ensure!(!rows(&["--pid", &own])?.is_empty(), "this process has sockets");
    ensure!(rows(&["--pid", "4194304"])?.is_empty(), "no process can have this id");
    ensure!(rows(&["--comm", "no-such-name"])?.is_empty(), "no process has this name");
    Ok(())
}

#[test]
fn the_summary_counts_what_the_table_lists() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let sample_sockets = SampleSockets::new()?;
    let listening =
        sample_sockets.text(&["-lnt"])?.lines().skip(2).filter(|row| row.starts_with("tcp ")).count();
    let summary = sample_sockets.text(&["-ant", "--summary"])?;
    let counted = summary.lines().find_map(|line| line.trim().strip_suffix(" tcp LISTEN"));
    ensure!(counted == Some(listening.to_string().as_str()), "not {listening} listeners: {summary}");
    let owner = format!(" {}/", std::process::id());
    ensure!(summary.contains(&owner), "this process is not in it: {summary}");
    Ok(())
}

#[test]
fn json_has_a_line_for_each_row_in_every_mode() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let sample_sockets = SampleSockets::new()?;
    for (flags, titles) in [("-antp", 2), ("-anx", 2), ("-rn", 2), ("-rn6", 2), ("-i", 2)] {
        let rows = sample_sockets.text(&[flags])?.lines().count() - titles;
        let objects: Vec<serde_json::Value> = sample_sockets
            .text(&[flags, "--json"])?
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<_, _>>()?;
        ensure!(objects.len() == rows, "{flags}: {} objects, {rows} rows", objects.len());
    }
    let statistics = sample_sockets.text(&["-s", "--json"])?;
    let groups: Vec<serde_json::Value> =
        statistics.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let tcp = groups.iter().find(|group| group["group"] == "Tcp").context("no Tcp")?;
    ensure!(tcp["counters"]["InSegs"].as_u64().is_some_and(|count| count > 0), "{tcp}");
    let sockets = sample_sockets.text(&["-antp", "--json"])?;
    for line in sockets.lines() {
        let socket: serde_json::Value = serde_json::from_str(line)?;
        if socket["state"] == "LISTEN" {
            ensure!(socket["remote_addr"].is_null() && socket["remote_port"].is_null(), "{socket}");
            ensure!(socket["owners"][0]["pid"] == std::process::id(), "{socket}");
        }
        if socket["state"] == "TIME_WAIT" {
            ensure!(socket["inode"].is_null() && socket["timer"]["kind"] == "timewait", "{socket}");
        }
    }
    Ok(())
}

#[test]
fn all_network_namespaces_are_shown_on_request() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // No process is in the namespace: an open file of this process keeps it.
    let sample_sockets = SampleSockets::new()?;
    let shown = text(&mut rnetstat(&["-lnt", "--all-netns"])?)?;
    let inum = sample_sockets.netns.inum()?.to_string();
    ensure!(shown.lines().any(|row| row.contains(":8081 ") && row.ends_with(&inum)), "not in {inum}");
    Ok(())
}

#[test]
fn wrong_usage_is_exit_code_2_and_names_what_is_wrong() -> Result<()> {
    for (arguments, named) in [
        (&["-y"][..], "-y"),
        (&["-ri"], "'-r'"),
        (&["--port", "0"], "0"),
        (&["--state", "FOO"], "FOO"),
        (&["explain", "FOO"], "FOO"),
        (&["explain", "--lang", "fr"], "fr"),
        (&["surplus"], "surplus"),
    ] {
        let output = rnetstat(arguments)?.output()?;
        let stderr = String::from_utf8(output.stderr)?;
        ensure!(output.status.code() == Some(2) && output.stdout.is_empty(), "{arguments:?}: {stderr}");
        ensure!(stderr.starts_with("error: ") && stderr.contains(named), "{arguments:?}: {stderr}");
    }
    Ok(())
}

#[test]
fn a_reader_that_closes_the_pipe_is_a_normal_end() -> Result<()> {
    let mut child = rnetstat(&["-anc"])?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut first = String::new();
    BufReader::new(child.stdout.take().context("no stdout")?).read_line(&mut first)?;
    let output = child.wait_with_output()?;
    ensure!(first.starts_with("Active Internet connections"), "{first}");
    ensure!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    Ok(())
}

#[test]
fn continuous_mode_repeats_until_it_is_interrupted() -> Result<()> {
    for mode in ["-antc", "-rnc", "-ic", "-sc"] {
        let mut child = rnetstat(&[mode])?.stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        let first = lines.next().context("nothing")??;
        let again = lines.by_ref().find(|line| line.as_ref().is_ok_and(|line| *line == first));
        ensure!(again.is_some(), "{mode} shows it once");
        kill_process(Pid::from_raw(child.id().try_into()?).context("no pid")?, Signal::INT)?;
        ensure!(child.wait()?.success(), "{mode} did not end well");
    }
    Ok(())
}

#[test]
fn without_root_the_owners_of_other_users_sockets_are_reported_as_missing() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _listener = Sock::listening(at("127.0.0.1", 0)?, 1)?;
    let output = BinaryCopy::of("rnetstat")?.as_nobody(&["-lntp"]).output()?;
    let (stdout, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?);
    ensure!(output.status.success(), "{stderr}");
    ensure!(stderr.lines().count() == 1 && stderr.contains("root"), "{stderr}");
    let rows: Vec<&str> = stdout.lines().filter(|row| row.contains("LISTEN")).collect();
    ensure!(!rows.is_empty() && rows.iter().all(|row| row.trim_end().ends_with(" -")), "{stdout}");
    Ok(())
}

/// The name server is an address that never answers.
#[test]
fn with_a_dead_name_server_the_table_has_numbers_after_a_short_delay() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let netns = Namespace::new()?;
    netns.run(|| {
        ip("route add 10.255.0.0/16 dev lo")?;
        ip("addr add 10.88.0.1/24 dev lo")?;
        let listener = Sock::listening(at("10.88.0.1", 8080)?, 8)?;
        let _client = Sock::connected(listener.local()?)?;
        let mut command = rnetstat(&["-at"])?;
        let resolver = std::env::temp_dir().join(format!("resolv-{}", std::process::id()));
        std::fs::write(&resolver, "nameserver 10.255.255.1\noptions timeout:20 attempts:3\n")?;
        let path = std::ffi::CString::new(resolver.as_os_str().as_encoded_bytes())?;
        mounts::replaced(&mut command, c"/etc/resolv.conf", path);
        let begin = Instant::now();
        let shown = text(&mut command);
        std::fs::remove_file(resolver)?;
        let shown = shown?;
        ensure!(shown.contains(" 10.88.0.1:"), "{shown}");
        // Waiting for the name server would take a minute.
        ensure!(begin.elapsed() < Duration::from_secs(20), "it waited for the name server");
        Ok(())
    })
}

#[test]
fn explain_shows_every_state_in_every_language() -> Result<()> {
    for (lang, word) in [("en", "What it means"), ("ko", "의미"), ("ja", "意味")] {
        for state in ["CLOSE", "listening", "SYN_RECEIVED", "FIN_WAIT_1", "time-wait", "UNKNOWN", "closing"] {
            let shown = text(&mut rnetstat(&["explain", state, "--lang", lang])?)?;
            ensure!(shown.contains(word), "{state} in {lang}: {shown}");
        }
        let by_environment = text(rnetstat(&["explain", "listen"])?.env("LC_ALL", lang))?;
        ensure!(by_environment.contains(word), "{lang} by LC_ALL: {by_environment}");
    }
    Ok(())
}

#[test]
fn explain_without_a_state_counts_the_host_s_sockets_in_the_diagram() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let sample_sockets = SampleSockets::new()?;
    let listening = sample_sockets.text(&["-lnt"])?.lines().skip(2).count();
    let diagram = sample_sockets.text(&["explain"])?;
    ensure!(diagram.contains(&format!("LISTEN {listening}")), "not {listening}: {diagram}");
    ensure!(diagram.contains("SYN_RECV 1"), "{diagram}");
    Ok(())
}

#[test]
fn the_terminal_s_width_doesn_t_change_the_table() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let sample_sockets = SampleSockets::new()?;
    let arguments = ["-antux", "--color", "never"];
    let shown = |columns| sample_sockets.netns.run(|| terminal::shown(&mut rnetstat(&arguments)?, columns));
    // More than once, since sockets may change between two runs.
    wait::until("the table is the same at 60 columns, at 200, and in a pipe", || {
        let (narrow, wide, piped) =
            (shown(60)?, shown(200)?, sample_sockets.netns.run(|| text(&mut rnetstat(&arguments)?))?);
        ensure!(narrow.lines().count() > 10, "no table: {narrow}");
        Ok((narrow == wide && wide == piped).then_some(()))
    })?;
    let coloured =
        sample_sockets.netns.run(|| terminal::shown(&mut rnetstat(&["explain", "time-wait"])?, 60))?;
    ensure!(coloured.contains('\x1b'), "no colours on a terminal: {coloured}");
    Ok(())
}
