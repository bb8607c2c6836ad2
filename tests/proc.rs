//! `--source proc`: it shows the changes between two polls of /proc, and nothing that polls can't know.

#![cfg(target_os = "linux")]

use std::{fs, net::SocketAddr, os::unix::fs::symlink, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::{Direction, Event, LostWhere, Owner, Row, Source},
    netns::Namespace,
    process::Process,
    scenario::{Pair, TestNet},
    skip,
    sock::Sock,
    ss,
    state::State,
    state_path::rows_so_far,
    trace::Events,
    tracer::Tracer,
    wait,
};

#[test]
fn every_state_that_a_poll_finds_is_shown() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let trace = PollingTrace::begin()?;
    trace.net.netns.run(|| {
        let listener = trace.net.listener()?;
        trace.until(&["LISTEN"])?;
        let Pair { listener, client, server } = Pair::through(listener)?;
        trace.until(&["ESTABLISHED", "ESTABLISHED"])?;
        client.shutdown_write()?;
        trace.until(&["FIN_WAIT2", "CLOSE_WAIT"])?;
        server.close();
        trace.until(&["TIME_WAIT", "CLOSE"])?;
        drop((listener, client));
        trace.until(&["CLOSE", "CLOSE"])
    })?;
    let rows = trace.end()?;
    let own = Some(std::process::id());
    for row in &rows {
        ensure!(row.source == Source::Proc && row.state_ns.is_none() && row.cgroup.is_none(), "{row:?}");
        // A poll may have found it before accept().
        let is_scanned = row.owner == Some(Owner::Scan);
        let is_its_listener_s =
            row.owner == Some(Owner::Listener) && row.direction == Some(Direction::Inbound);
        ensure!(row.pid == own && (is_scanned || is_its_listener_s), "the owner is this process: {row:?}");
    }
    let is_inbound = |row: &&Row| row.new_state == "CLOSE_WAIT";
    let inbound = rows.iter().find(is_inbound).context("no CLOSE_WAIT")?;
    ensure!(inbound.direction == Some(Direction::Inbound), "{inbound:?}");
    Ok(())
}

#[test]
fn a_connection_attempt_without_an_answer_is_shown() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let trace = PollingTrace::begin()?;
    trace.net.netns.run(|| {
        // No neighbour has the address, so nobody answers and the SYN is retransmitted.
        let nowhere = SocketAddr::new(trace.net.addresses.link(9), trace.net.addresses.port());
        netstat_tests::netns::ip("link add veth0 type veth peer name veth1")?;
        for step in ["link set veth0 up", "link set veth1 up"] {
            netstat_tests::netns::ip(step)?;
        }
        netstat_tests::netns::ip(&format!("addr add {}/24 dev veth0", trace.net.addresses.link(1)))?;
        let client = Sock::tcp(nowhere)?;
        client.start_connect(nowhere)?;
        trace.until(&["SYN_SENT"])?;
        client.close();
        trace.until(&["CLOSE"])
    })?;
    let rows = trace.end()?;
    ensure!(rows.iter().all(|row| row.direction == Some(Direction::Outbound)), "{rows:?}");
    Ok(())
}

#[test]
fn a_connection_in_the_accept_queue_belongs_to_its_listener_s_process() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let trace = PollingTrace::begin()?;
    trace.net.netns.run(|| {
        let listener = trace.net.listener()?;
        let client = Sock::connected(listener.local()?)?;
        trace.until(&["LISTEN", "ESTABLISHED", "ESTABLISHED"])?;
        drop((client, listener));
        Ok(())
    })?;
    let rows = trace.end()?;
    let waiting =
        rows.iter().find(|row| row.new_state == "ESTABLISHED" && row.owner == Some(Owner::Listener));
    ensure!(waiting.is_some_and(|row| row.pid == Some(std::process::id())), "{rows:?}");
    Ok(())
}

#[test]
fn existing_connections_are_those_that_ss_lists() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    net.netns.run(|| {
        let pairs = [net.pair()?, net.pair_v6()?];
        pairs[0].client.shutdown_write()?;
        pairs[0].server.receive_fin()?;
        pairs[0].client.wait_for("FIN_WAIT2")?;
        let listed = ss::all()?.into_iter().map(|socket| (socket.state, (socket.local, socket.remote)));
        let mut expected: Vec<_> = listed.collect();
        let own = net.netns.inum()?.to_string();
        let arguments = ["--source", "proc", "--existing", "-n", "6", "--netns", &own];
        let existing = Tracer::start(&arguments)?.finish()?.events()?.existing;
        let mut found: Vec<_> = existing.iter().map(|found| (found.new_state, found.tuple())).collect();
        expected.sort();
        found.sort();
        ensure!(found == expected, "found {found:#?}, but ss lists {expected:#?}");
        Ok(())
    })
}

#[test]
fn the_namespace_of_every_process_is_polled() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = Tracer::start(&[
        "--source",
        "proc",
        "--interval",
        "20ms",
        "--netns",
        &net.netns.inum()?.to_string(),
    ])?;
    // The process keeps the namespace in use; this test's process has the socket.
    let _inhabitant = net.netns.run(|| Ok(Process::new(Command::new("sleep").arg("60").spawn()?)))?;
    let _listener = net.netns.run(|| net.listener())?;
    wait_for_listener(tracer, &net)
}

#[test]
fn a_namespace_that_only_an_open_file_refers_to_is_polled() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // No process is in the namespace and it is mounted nowhere: this process has it open.
    let net = TestNet::new()?;
    let tracer = Tracer::start(&[
        "--source",
        "proc",
        "--interval",
        "20ms",
        "--netns",
        &net.netns.inum()?.to_string(),
    ])?;
    let _listener = net.netns.run(|| net.listener())?;
    wait_for_listener(tracer, &net)
}

#[test]
fn connections_beyond_the_table_s_capacity_are_counted_as_lost_and_never_invented() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let listener = net.netns.run(|| net.listener())?;
    let inum = net.netns.inum()?.to_string();
    let arguments = ["--source", "proc", "--interval", "20ms", "--netns", &inum, "--table-size", "1"];
    let tracer = Tracer::start(&arguments)?;
    let pair = net.netns.run(|| Pair::through(listener))?;
    wait::until("a loss is reported", || {
        let events = tracer.lines_so_far()?;
        let is_loss = |line| Ok(matches!(Event::parse(line)?, Event::Lost(_)));
        let lost = events.lines().map(is_loss).collect::<Result<Vec<_>>>()?;
        Ok(lost.contains(&true).then_some(()))
    })?;
    net.netns.run(|| pair.client_closes())?;
    wait::until("the listener's end is shown", || {
        let rows = rows_so_far(&tracer, &net)?;
        Ok(rows.iter().any(|row| row.old_state == "LISTEN" && row.new_state == "CLOSE").then_some(()))
    })?;
    let trace = tracer.stop()?;
    let events = trace.events()?;
    let lost = events.losses.iter().map(|loss| loss.count).sum::<u64>();
    ensure!(lost >= 1 && events.losses.iter().all(|loss| loss.place == LostWhere::Table), "{events:?}");
    ensure!(trace.summary()?.lost == lost, "{}", trace.stderr);
    ensure!(trace.stderr.contains("--table-size"), "{}", trace.stderr);
    ensure!(events.rows.iter().all(|row| row.old_state != "CLOSE"), "invented: {:?}", events.rows);
    Ok(())
}

#[test]
fn another_proc_root_is_polled_and_its_invalid_bytes_do_no_harm() -> Result<()> {
    let root = std::env::temp_dir().join(format!("rnetstat-tests-root-{}", std::process::id()));
    let outcome = trace_of_root(&root);
    fs::remove_dir_all(&root)?;
    outcome
}

fn trace_of_root(root: &Path) -> Result<()> {
    const HEADER: &str =
        "sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode\n";
    const LISTENER: &str =
        "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 42 0 7 1\n";
    for (pid, namespace, table) in [
        ("10", "net:[11]", [HEADER, LISTENER].concat().into_bytes()),
        ("20", "net:[12]", [HEADER.as_bytes(), b"0: \xff\xfe\x00 \x1b[31m 0A\n"].concat()),
        ("30", "mnt:[x]", Vec::new()),
    ] {
        let directory = root.join(pid);
        for part in ["ns", "net", "fd"] {
            fs::create_dir_all(directory.join(part))?;
        }
        symlink(namespace, directory.join("ns/net"))?;
        symlink("socket:[7]", directory.join("fd/0"))?;
        fs::write(directory.join("net/tcp"), table)?;
        fs::write(directory.join("net/tcp6"), HEADER)?;
        fs::write(directory.join("comm"), b"\x1b]0;owned\x07\xff\n")?;
        fs::copy("/proc/self/status", directory.join("status"))?;
    }
    let path = root.to_str().context("the path isn't UTF-8")?;
    let trace =
        Tracer::start(&["--source", "proc", "--proc-root", path, "--existing", "-d", "100ms"])?.finish()?;
    let existing = trace.events()?.existing;
    ensure!(existing.len() == 1, "{existing:?}");
    ensure!(existing[0].netns == Some(11) && existing[0].pid == Some(10), "{existing:?}");
    ensure!(!trace.stdout.contains('\u{1b}'), "the name's escape code is passed on");
    Ok(())
}

#[test]
fn a_table_that_is_cut_to_nothing_is_a_failed_read_which_is_said_once() -> Result<()> {
    let root = std::env::temp_dir().join(format!("rnetstat-tests-cut-{}", std::process::id()));
    let outcome = trace_of_cut_table(&root);
    fs::remove_dir_all(&root)?;
    outcome
}

fn trace_of_cut_table(root: &Path) -> Result<()> {
    const TABLE: &str = "sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode\n\
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 42 0 7 1\n";
    let table = |pid: &str| root.join(pid).join("net/tcp");
    for (pid, namespace) in [("10", "net:[11]"), ("20", "net:[12]")] {
        for part in ["ns", "net", "fd"] {
            fs::create_dir_all(root.join(pid).join(part))?;
        }
        symlink(namespace, root.join(pid).join("ns/net"))?;
        fs::write(root.join(pid).join("comm"), "server\n")?;
        fs::write(table(pid), TABLE)?;
    }
    let path = root.to_str().context("the path isn't UTF-8")?;
    let tracer =
        Tracer::start(&["--source", "proc", "--proc-root", path, "--existing", "--interval", "20ms"])?;
    let said = |what: &str| {
        wait::until(&format!("{what:?} is said"), || Ok(tracer.stderr_so_far()?.contains(what).then_some(())))
    };
    // At once, as the kernel's file changes: a poll sees the table before or after that.
    let replace = |pid: &str, text: &str| {
        let new = root.join("new");
        fs::write(&new, text)?;
        fs::rename(&new, table(pid))
    };
    replace("10", "")?;
    said("network namespace 11")?;
    // Polls go on: the other namespace's listener ends, while the table is still cut.
    replace("20", &(TABLE.lines().next().context("no title")?.to_owned() + "\n"))?;
    wait::until("the other listener has ended", || {
        Ok(tracer.lines_so_far()?.contains("\"new_state\":\"CLOSE\"").then_some(()))
    })?;
    replace("10", TABLE)?;
    said("again")?;
    let trace = tracer.stop()?;
    let Events { rows, losses, .. } = trace.events()?;
    ensure!(rows.len() == 1 && rows[0].netns == Some(12), "only one listener has ended: {rows:?}");
    ensure!(
        losses.len() == 1 && losses[0].place == LostWhere::Snapshot,
        "the failed reads are told: {losses:?}"
    );
    let times_said = trace.stderr.lines().filter(|line| line.contains("network namespace 11")).count();
    ensure!(times_said == 1, "{}", trace.stderr);
    Ok(())
}

/// A polling trace of the namespace in which the test makes its connections.
struct PollingTrace {
    net: TestNet,
    tracer: Tracer,
}

impl PollingTrace {
    fn begin() -> Result<Self> {
        let net = TestNet::new()?;
        // Other namespaces may have too many connections for a poll every 20 ms.
        let inum = net.netns.inum()?.to_string();
        let arguments = ["--source", "proc", "--interval", "20ms", "--netns", &inum];
        let tracer = net.netns.run(|| Tracer::start(&arguments))?;
        Ok(Self { net, tracer })
    }

    /// Waits until the trace has shown transitions to these states, in any order, each as often as it is named. The
    /// old state depends on the times of the polls.
    fn until(&self, states: &[&str]) -> Result<()> {
        let waited = wait::until(&format!("{states:?} are shown"), || {
            let rows = rows_so_far(&self.tracer, &self.net)?;
            let shown = |state: &str| rows.iter().filter(|row| row.new_state == state).count();
            let named = |state: &str| states.iter().filter(|named| **named == state).count();
            Ok(states.iter().all(|state| shown(state) >= named(state)).then_some(()))
        });
        waited.with_context(|| format!("so far: {}", self.tracer.lines_so_far().unwrap_or_default()))
    }

    /// Stops the trace. Returns its rows, in which each old state is the connection's previous new state.
    fn end(self) -> Result<Vec<Row>> {
        let trace = self.tracer.stop()?;
        let rows: Vec<Row> =
            trace.rows()?.into_iter().filter(|row| row.belongs_to(&self.net.addresses)).collect();
        let mut states: std::collections::HashMap<&str, State> = std::collections::HashMap::new();
        for row in &rows {
            let before = states.insert(&row.conn, row.new_state).unwrap_or("CLOSE");
            ensure!(before == row.old_state, "a transition is missing before {row:?}");
        }
        Ok(rows)
    }
}

/// Waits until the trace shows the listener of its namespace, and stops it.
fn wait_for_listener(tracer: Tracer, net: &TestNet) -> Result<()> {
    let netns = Some(net.netns.inum()?);
    wait::until("the namespace's listener is shown", || {
        let is_listener = |row: &Row| row.netns == netns && row.new_state == "LISTEN";
        Ok(rows_so_far(&tracer, net)?.iter().any(is_listener).then_some(()))
    })?;
    tracer.stop().map(drop)
}

#[test]
fn a_namespace_filter_hides_other_namespaces() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (net, other) = (TestNet::new()?, Namespace::new()?);
    let inum = other.inum()?.to_string();
    let trace = net.netns.run(|| {
        let _listener = net.listener()?;
        Tracer::start(&["--source", "proc", "--existing", "-d", "50ms", "--netns", &inum])?.finish()
    })?;
    ensure!(trace.events()?.existing.is_empty(), "{}", trace.stdout);
    Ok(())
}
