//! The process in a row, also where it ends right after: its own name, not a thread's, and the one that it has now. MPTCP's
//! sockets and bound sockets have the facts that their owners and the kernel's tools show.

#![cfg(target_os = "linux")]

use std::{ffi::CStr, net::SocketAddr, os::unix::net::UnixStream, process::Command, thread};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    child::Child,
    event::{Direction, Event, Row},
    fd_passing,
    io_uring::IoUring,
    scenario::{Pair, TestNet},
    skip,
    sock::Sock,
    state_path::{existing_so_far, only, rows_so_far, wait_for_rows},
    tracer::{self, Tracer},
    wait,
    wait::for_exclusive_turn,
};
use rustix::{io::Errno, thread::set_name};

/// `SO_BINDTOIFINDEX` (include/uapi/asm-generic/socket.h, 5.0) and the index that loopback has in every namespace.
const SO_BINDTOIFINDEX: i32 = 62;
const LOOPBACK: i32 = 1;
/// The rows of one connection's both ends and its listener until TIME_WAIT.
const ROWS: usize = 11;

/// Connects and closes on a thread with another name than its process.
fn connect_on_named_thread(to: SocketAddr) -> Result<()> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            set_name(c"worker-1")?;
            Sock::connected(to)?.close();
            anyhow::Ok(())
        });
        thread.join().map_err(|_| anyhow::anyhow!("the thread panicked"))?
    })
}

fn own_name() -> Result<String> {
    Ok(std::fs::read_to_string("/proc/self/comm")?.trim_end().to_owned())
}

fn is_client(row: &Row) -> bool {
    row.direction == Some(Direction::Outbound)
}

#[test]
fn a_connection_of_a_thread_has_the_name_of_its_process_from_every_hook() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let name = own_name()?;
    for arguments in [&["--comm", &name][..], &["--comm", &name, "--state-hook", "tracepoint"]] {
        let net = TestNet::new()?;
        let tracer = Tracer::start(arguments)?;
        net.netns.run(|| {
            let listener = net.listener()?;
            connect_on_named_thread(net.addresses.server())?;
            listener.accept()?.close();
            Ok(())
        })?;
        let client = wait::until("the client has closed", || {
            let rows: Vec<Row> = rows_so_far(&tracer, &net)?.into_iter().filter(is_client).collect();
            Ok(rows.iter().any(|row| row.old_state == "FIN_WAIT1").then_some(rows))
        })?;
        tracer.stop()?;
        ensure!(client[0].old_state == "CLOSE", "the filter has withheld the first row: {client:#?}");
        for row in &client {
            let own = (Some(std::process::id()), Some(name.as_str()));
            ensure!((row.pid, row.comm.as_deref()) == own, "{own:?} is right: {row:#?}");
        }
    }
    Ok(())
}

/// A connection that `connect` makes, and whose client closes first.
fn connect_and_close(net: &TestNet, connect: impl FnOnce(&Sock) -> Result<()> + Send) -> Result<()> {
    net.netns.run(|| {
        let listener = net.listener()?;
        let client = Sock::tcp(net.addresses.server())?;
        connect(&client)?;
        let server = listener.accept()?;
        Pair { listener, client, server }.client_closes()
    })
}

#[test]
fn a_connection_of_an_io_uring_worker_has_the_name_of_its_process() -> Result<()> {
    let ring = IoUring::new();
    if skip::without_root() || skip::without("io_uring", ring.is_ok()) {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let (ring, net) = (ring?, TestNet::new()?);
    let tracer = Tracer::start(&[])?;
    connect_and_close(&net, |client| ring.connect(client, net.addresses.server()))?;
    wait_for_rows(&tracer, &net, ROWS)?;
    let rows = rows_so_far(&tracer, &net)?;
    tracer.stop()?;
    let first = only(&rows, |row| is_client(row) && row.new_state == "SYN_SENT")?;
    let name = own_name()?;
    // A thread of the kernel belongs to no process.
    let expected = ring.has_native_workers().then_some((std::process::id(), name.as_str()));
    ensure!(first.pid.zip(first.comm.as_deref()) == expected, "{expected:?} is right: {first:#?}");
    Ok(())
}

/// A child that connects, gets another name by `rename`, and closes when it is told to.
fn renamed_child(net: &TestNet, name: &'static CStr) -> Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Child::start(|| {
        // The child's copy of our end would keep the pair open.
        fd_passing::close_copy(&ours);
        let Ok(client) = Sock::connected(net.addresses.server()) else { return false };
        set_name(name).is_ok() && fd_passing::wait_for_end(&theirs, client)
    })?;
    Ok((child, ours))
}

#[test]
fn a_renamed_process_has_its_new_name_in_all_later_rows_and_the_filter_finds_them() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let tracer = Tracer::start(&["--comm", "renamed"])?;
    let mut pid = 0;
    net.netns.run(|| {
        let listener = net.listener()?;
        let (child, pair) = renamed_child(&net, c"renamed")?;
        pid = child.pid();
        // In a softirq: no process is in the record.
        wait::until("the child has its name", || {
            Ok((std::fs::read_to_string(format!("/proc/{pid}/comm"))?.trim_end() == "renamed").then_some(()))
        })?;
        listener.accept()?.close();
        wait_for_rows(&tracer, &net, 1)?;
        drop(pair);
        child.wait()
    })?;
    let rows = wait::until("the child has closed", || {
        let rows = rows_so_far(&tracer, &net)?;
        Ok(rows.iter().any(|row| row.old_state == "LAST_ACK").then_some(rows))
    })?;
    tracer.stop()?;
    let paths: Vec<_> = rows.iter().map(|row| (row.old_state, row.new_state)).collect();
    ensure!(
        paths == [("ESTABLISHED", "CLOSE_WAIT"), ("CLOSE_WAIT", "LAST_ACK"), ("LAST_ACK", "CLOSE")],
        "{rows:#?}"
    );
    for row in &rows {
        ensure!((row.pid, row.comm.as_deref()) == (Some(pid), Some("renamed")), "{row:#?}");
    }
    Ok(())
}

#[test]
fn after_exec_a_connection_has_the_name_of_the_new_program() -> Result<()> {
    if skip::without_root() || skip::without("bash", Command::new("bash").arg("--version").output().is_ok()) {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let tracer = Tracer::start(&[])?;
    net.netns.run(|| {
        let listener = net.listener()?;
        let server = net.addresses.server();
        let script = format!("exec 3<>/dev/tcp/{}/{}; exec sleep 60", server.ip(), server.port());
        let mut child = Command::new("bash").args(["-c", &script]).spawn()?;
        let accepted = listener.accept()?;
        let comm = format!("/proc/{}/comm", child.id());
        let renamed = wait::until("bash has executed sleep", || {
            Ok((std::fs::read_to_string(&comm)?.trim_end() == "sleep").then_some(()))
        });
        accepted.close();
        let seen = wait::until("the server has closed", || {
            let rows = rows_so_far(&tracer, &net)?;
            Ok(rows.iter().any(|row| is_client(row) && row.new_state == "CLOSE_WAIT").then_some(()))
        });
        child.kill()?;
        child.wait()?;
        renamed.and(seen)
    })?;
    let rows = rows_so_far(&tracer, &net)?;
    tracer.stop()?;
    let name =
        |old: &str| only(&rows, |row| is_client(row) && row.old_state == old).map(|row| row.comm.clone());
    ensure!(name("CLOSE")?.as_deref() == Some("bash"), "{rows:#?}");
    ensure!(name("ESTABLISHED")?.as_deref() == Some("sleep"), "{rows:#?}");
    Ok(())
}

#[test]
fn sockets_of_mptcp_have_the_owner_that_holds_them_and_their_endpoints_at_once() -> Result<()> {
    if skip::without_root() || skip::without_mptcp() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let during = Tracer::start(&[])?;
    net.netns.run(|| {
        let server = net.addresses.server();
        let listener = Sock::mptcp(server)?;
        listener.bind(server)?;
        listener.listen(8)?;
        let client = Sock::mptcp(server)?;
        client.connect(server)?;
        let accepted = listener.accept()?;
        // The kernel hands a plain TCP socket to the process that accepts this one.
        let plain = Sock::connected(server)?;
        let plain_accepted = listener.accept()?;
        wait_for_rows(&during, &net, 12)?;

        let later = Tracer::start(&["--existing"])?;
        let found = wait::until("all sockets are shown", || {
            let found = existing_so_far(&later, &net)?;
            // Both ends of a subflow and of a plain connection, and the listener.
            Ok((found.len() >= 5).then_some(found))
        })?;
        later.stop()?;
        for socket in &found {
            ensure!(socket.pid == Some(std::process::id()), "it has no owner: {socket:#?}");
        }
        for sock in [client, accepted, plain, plain_accepted, listener] {
            sock.close();
        }
        Ok(())
    })?;
    let rows = rows_so_far(&during, &net)?;
    during.stop()?;
    let mptcp = rows.iter().filter(|row| row.protocol() == netstat_tests::oracle::Protocol::Mptcp);
    for row in mptcp.filter(|row| row.direction != Some(Direction::Listen)) {
        ensure!(row.local_port.is_some() && row.remote_port.is_some(), "an end is missing: {row:#?}");
    }
    Ok(())
}

#[test]
fn a_bound_socket_has_its_interface_until_the_end_of_time_wait_and_another_has_none() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let tracer = Tracer::start(&[])?;
    connect_and_close(&net, |client| {
        client.option(1, SO_BINDTOIFINDEX, LOOPBACK)?;
        client.connect(net.addresses.server())
    })?;
    wait_for_rows(&tracer, &net, ROWS)?;
    let rows = rows_so_far(&tracer, &net)?;
    tracer.stop()?;
    ensure!(rows.iter().any(|row| row.new_state == "TIME_WAIT"), "{rows:#?}");
    for row in &rows {
        let expected = is_client(row).then_some("lo");
        ensure!(row.interface.as_deref() == expected, "{expected:?} is right: {row:#?}");
    }
    Ok(())
}

/// The system calls that a start makes before it could count losses: the state hooks are loaded by then.
const LOADED: u32 = 81;

#[test]
fn losses_that_cannot_be_counted_are_null_and_not_0() -> Result<()> {
    if skip::without_root() || skip::without_strace() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=bpf", "-e"]);
    strace.arg(format!("inject=bpf:error=EPERM:when={LOADED}+"));
    strace.arg(tracer::binary()?).args(["--json", "--count", "4"]);
    let tracer = Tracer::spawn(&mut strace, netstat_tests::output::Destination::Pipe)?.started()?;
    net.netns.run(|| net.pair()?.client_closes())?;
    let trace = tracer.finish()?;
    let end = trace.events()?.end.context("no `end`")?;
    ensure!(end.lost.is_none(), "{end:?}");
    let says = |text: &str| trace.stderr.lines().filter(|line| line.contains(text)).count();
    ensure!(says("rnetstat-trace: losses can't be counted: ") == 1, "{}", trace.stderr);
    ensure!(says("transitions seen, losses can't be counted, ") == 1, "{}", trace.stderr);
    let line = trace.stdout.lines().last().context("no line")?;
    ensure!(matches!(Event::parse(line)?, Event::End(_)) && line.contains(r#""lost":null"#), "{line}");
    Ok(())
}

#[test]
fn a_process_that_ends_with_its_connection_or_listener_is_their_owner() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let tracer = Tracer::start(&["--netns", &net.netns.inum()?.to_string()])?;
    let pids = net.netns.run(|| {
        let server = net.addresses.server();
        let is_refused = |client: Sock| client.connect_fails(server, Errno::CONNREFUSED).is_ok();
        let refused = || Child::start(|| Sock::tcp(server).is_ok_and(is_refused));
        let listens = || Child::start(|| net.listener().is_ok());
        let run = |child: Result<Child>| -> Result<u32> {
            let child = child?;
            let pid = child.pid();
            child.wait()?;
            Ok(pid)
        };
        (0..SHORT_LIVED).map(|_| Ok([run(refused())?, run(listens())?])).collect::<Result<Vec<_>>>()
    })?;
    let is_end = |row: &Row| row.new_state == "CLOSE";
    let ends = wait::until("all have ended", || {
        let ends: Vec<_> = rows_so_far(&tracer, &net)?.into_iter().filter(is_end).collect();
        Ok((ends.len() == 2 * SHORT_LIVED).then_some(ends))
    })?;
    tracer.stop()?;
    let has_owner = |row: &&Row| row.pid.is_some_and(|pid| pids.as_flattened().contains(&pid));
    for old in ["SYN_SENT", "LISTEN"] {
        let known = ends.iter().filter(|row| row.old_state == old).filter(has_owner).count();
        // A trace that looks for owners that have ended at that very moment shows one less.
        ensure!(known > SHORT_LIVED / 2, "only {known} of {SHORT_LIVED} from {old}: {ends:#?}");
    }
    Ok(())
}

/// How many processes end at once after they have opened a socket.
const SHORT_LIVED: usize = 20;
