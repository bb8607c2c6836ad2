//! The three formats: their layout, and that no process name can do harm through them.

#![cfg(target_os = "linux")]

use std::ffi::CStr;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    output::Destination,
    scenario::TestNet,
    skip,
    sock::Sock,
    tracer::{Tracer, command},
    wait,
};
use rustix::io::Errno;

/// Names that a hostile process could have: escape sequences, quotes, separators, newlines, invalid UTF-8, C1
/// controls, a change of the writing direction. The kernel keeps 15 bytes.
const HOSTILE: [&CStr; 10] = [
    c"\x1b]0;x\x07",
    c"\x1b[2J\x1b[31m",
    c"a\"b\\\"c",
    c"a,b;\"c\",d",
    c"two\nlines\r\n",
    c"=1+1\t@x",
    c"\xff\xfe\x80broken",
    c"cut \xf0\x9f\x98",
    c"\xc2\x9b31m csi",
    c"\xe2\x80\xaegnp.exe",
];

#[test]
fn a_hostile_process_name_harms_no_format() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    for format in ["json", "csv", "line"] {
        let tracer = start(&net, &["--format", format])?;
        for name in HOSTILE {
            net.netns.run(|| {
                rustix::thread::set_name(name)?;
                net.pair()?.client_closes()
            })?;
        }
        let trace = tracer.stop()?;
        let harm = trace.stdout.lines().find(|line| line.chars().any(harms_a_terminal));
        ensure!(harm.is_none(), "{format}: {harm:?}");
        let pid = std::process::id().to_string();
        ensure!(trace.stdout.contains(&pid), "{format}: no line names the process: {}", trace.stdout);
        if format == "json" {
            trace.rows()?;
        }
        if format == "csv" {
            is_a_table(&trace.stdout)?;
        }
    }
    Ok(())
}

#[test]
fn csv_has_a_header_and_a_line_for_each_transition() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = start(&net, &["--format", "csv"])?;
    net.netns.run(|| net.pair()?.client_closes())?;
    let trace = tracer.stop()?;
    is_a_table(&trace.stdout)?;
    let header = trace.stdout.lines().next().context("no header")?;
    let columns: Vec<&str> = header.split(',').collect();
    for field in ["ts", "mono_ns", "conn", "local_port", "old_state", "new_state", "state_ns", "close_reason"]
    {
        ensure!(columns.contains(&field), "no column {field} in {header}");
    }
    ensure!(trace.stdout.lines().filter(|line| line.contains("SYN_SENT,ESTABLISHED")).count() >= 1);
    ensure!(trace.summary()?.seen == u64::try_from(trace.stdout.lines().count() - 1)?);
    Ok(())
}

#[test]
fn the_line_format_fits_in_100_columns_and_has_no_colours_in_a_pipe() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = start(&net, &[])?;
    net.netns.run(|| net.pair()?.client_closes())?;
    let stdout = tracer.stop()?.stdout;
    // The close reason may follow after the 100 columns.
    let says_why = |line: &&str| line.contains("→ CLOSE ") || line.contains("→ TIME_WAIT");
    let long = stdout.lines().filter(|line| !says_why(line)).find(|line| line.chars().count() > 100);
    ensure!(long.is_none(), "{} columns: {long:?}", long.unwrap_or_default().chars().count());
    ensure!(!stdout.contains('\x1b'), "{stdout}");
    for word in ["SYN_SENT", "ESTABLISHED", "CLOSE_WAIT", "LISTEN", &std::process::id().to_string()] {
        ensure!(stdout.contains(word), "no {word} in {stdout}");
    }
    Ok(())
}

#[test]
fn colours_are_written_on_request_except_in_json() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    for (arguments, coloured) in [
        (&["--color", "always"][..], true),
        (&["--color", "never"], false),
        (&["--color", "auto"], false),
        (&["--json", "--color", "always"], false),
    ] {
        let tracer = start(&net, arguments)?;
        net.netns.run(|| net.pair()?.client_closes())?;
        let stdout = tracer.stop()?.stdout;
        ensure!(stdout.contains("ESTABLISHED"), "{arguments:?} shows nothing: {stdout}");
        ensure!(stdout.contains('\x1b') == coloured, "{arguments:?}: {stdout}");
    }
    Ok(())
}

/// Starts a trace of the network's addresses in any format. Repeats a refused connection until the first row shows
/// that the trace observes transitions.
fn start(net: &TestNet, arguments: &[&str]) -> Result<Tracer> {
    let mut command = command(arguments)?;
    command.args(["--addr", &net.addresses.server().ip().to_string()]);
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?;
    wait::until("a first row is written", || {
        net.netns.run(|| {
            Sock::tcp(net.addresses.server())?.connect_fails(net.addresses.server(), Errno::CONNREFUSED)
        })?;
        Ok(tracer.lines_so_far()?.contains("SYN_SENT").then_some(()))
    })?;
    Ok(tracer)
}

/// Control characters, and characters that change the writing direction.
fn harms_a_terminal(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Checks that every line has as many fields as the header, by the rules of RFC 4180.
fn is_a_table(csv: &str) -> Result<()> {
    let header = csv.lines().next().context("no header")?;
    for line in csv.lines() {
        let (fields, expected) = (fields(line)?, fields(header)?);
        ensure!(fields == expected, "{fields} fields instead of {expected}: {line}");
    }
    Ok(())
}

fn fields(line: &str) -> Result<usize> {
    let mut count = 1;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => count += 1,
            _ => {}
        }
    }
    ensure!(!quoted, "an open quote: {line}");
    Ok(count)
}
