//! Snapshots of sockets that the tests create, each test in a network namespace of its own.

mod requests;

use std::{
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::atomic::AtomicBool,
};

use anyhow::{Context as _, Result};
use netstat_tests::{netns::Namespace, skip, sock::Sock, wait};

use super::*;
use crate::{
    model::{Endpoint, Family, OwnerHow, SnapshotSocket, State},
    source::ebpf::{attach_types::attach_types, btf::Btf, kallsyms, offsets},
};

fn snapshotter() -> Result<Snapshotter> {
    let btf = Btf::of_this_kernel()?;
    let kernel = attach_types(&btf)?;
    let start = |cookie_helper| {
        let offsets = offsets::resolve(&btf, kallsyms::symbols(), cookie_helper)?.offsets;
        Snapshotter::start(&mut EbpfLoader::new(), &offsets, &kernel, None, &mut Attempts::default())
    };
    start(true).or_else(|_| start(false))
}

fn next(snapshotter: &mut Snapshotter) -> Result<Result<Snapshot, SnapshotError>> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(snapshotter.next()))
}

fn answer(snapshotter: &mut Snapshotter) -> Result<Snapshot> {
    next(snapshotter)?.map_err(|error| anyhow!(error.why))
}

fn take() -> Result<Snapshot> {
    let mut snapshotter = snapshotter()?;
    snapshotter.request(SnapshotKind::Full);
    answer(&mut snapshotter)
}

/// The sockets of a namespace, by state.
fn within(snapshot: &Snapshot, netns: u32) -> Vec<SnapshotSocket> {
    let mut sockets: Vec<_> =
        snapshot.sockets.iter().filter(|socket| socket.netns == netns).copied().collect();
    sockets.sort_by_key(|socket| socket.state);
    sockets
}

fn states(sockets: &[SnapshotSocket]) -> Vec<State> {
    sockets.iter().map(|socket| socket.state).collect()
}

fn owner(snapshot: &Snapshot, sk: u64) -> Option<crate::model::Owner> {
    snapshot.holders.iter().find(|holder| holder.sk == sk).map(|holder| holder.owner)
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// A listener and the two sockets of a connection to it: client, server.
fn connection(at: SocketAddr) -> Result<(Sock, Sock, Sock)> {
    let listener = Sock::listening(at, 8)?;
    let client = Sock::connected(listener.local()?)?;
    let server = listener.accept()?;
    Ok((listener, client, server))
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { addr: address.ip().to_canonical(), port: address.port() }
}

#[test]
fn a_listener_and_both_sockets_of_a_connection_are_found_with_their_owner() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let (listener, client, server) = namespace.run(|| connection(loopback()))?;
    let snapshot = take()?;

    let netns = namespace.inum()?;
    assert!(snapshot.netns_covered.contains(&netns));
    let sockets = within(&snapshot, netns);
    assert_eq!(states(&sockets), [State::Established, State::Established, State::Listen]);
    let (client_end, server_end) = (endpoint(client.local()?), endpoint(server.local()?));
    let ends: Vec<_> = sockets[..2].iter().map(|socket| (socket.local, socket.remote)).collect();
    assert!(ends.contains(&(client_end, server_end)) && ends.contains(&(server_end, client_end)), "{ends:?}");
    assert_eq!((sockets[2].local, sockets[2].remote.port), (endpoint(listener.local()?), 0));
    for socket in sockets {
        let owner = owner(&snapshot, socket.sock.sk).context("nobody holds it")?;
        assert_eq!((owner.pid, owner.uid, owner.how), (std::process::id(), Some(0), OwnerHow::Scan));
        assert!(
            socket.has_socket && socket.family == Family::Ipv4 && socket.listener.is_none(),
            "{socket:?}"
        );
        assert!(socket.at >= snapshot.started && socket.at <= snapshot.finished, "{socket:?}");
    }
    Ok(())
}

#[test]
fn timewait_sockets_are_found_in_their_state_and_without_an_owner() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let (first, second) = namespace.run(|| Ok((connection(loopback())?, connection(loopback())?)))?;
    let (_first_listener, client, server) = first;
    client.close();
    server.receive_fin()?;
    server.close();
    let (_second_listener, client, _half_closed) = second;
    client.close();

    let expected = [State::FinWait2, State::TimeWait, State::CloseWait, State::Listen, State::Listen];
    let (snapshot, sockets) = wait::until("the FINs are acknowledged", || {
        let snapshot = take()?;
        let sockets = within(&snapshot, namespace.inum()?);
        Ok((states(&sockets) == expected).then_some((snapshot, sockets)))
    })?;
    for socket in &sockets[..2] {
        assert!(!socket.has_socket && socket.cgroup.is_none() && socket.remote.port != 0, "{socket:?}");
        assert_eq!(owner(&snapshot, socket.sock.sk), None);
    }
    Ok(())
}

#[test]
fn a_connection_that_a_snapshot_has_found_keeps_its_cookie_in_time_wait() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let (_listener, client, server) = namespace.run(|| connection(loopback()))?;
    let client_end = endpoint(client.local()?);
    let seen = |state| {
        let sockets = within(&take()?, namespace.inum()?);
        let mut clients = sockets.into_iter().filter(|socket| socket.local == client_end);
        anyhow::Ok(clients.find(|socket| socket.state == state))
    };
    let alive = seen(State::Established)?.context("the connection is not found")?;
    client.close();
    server.receive_fin()?;
    server.close();

    let left = wait::until("the client's end is in TIME_WAIT", || seen(State::TimeWait))?;
    // Before 5.12 a tracing program can't generate a cookie: both are 0.
    assert_eq!(left.sock.cookie, alive.sock.cookie);
    assert_ne!(left.sock.sk, alive.sock.sk);
    assert!(left.is_minisock && !alive.is_minisock);
    Ok(())
}

#[test]
fn a_half_open_connection_has_its_listener() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let (_listener, client) = namespace.run(|| {
        let listener = Sock::listening(loopback(), 8)?;
        // Until data arrive the connection remains half-open on the server.
        listener.option(libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, 30)?;
        let client = Sock::connected(listener.local()?)?;
        Ok((listener, client))
    })?;
    let snapshot = take()?;

    let sockets = within(&snapshot, namespace.inum()?);
    assert_eq!(states(&sockets), [State::Established, State::SynRecv, State::Listen]);
    assert_eq!(sockets[1].remote, endpoint(client.local()?));
    assert_eq!(sockets[1].listener, Some(sockets[2].sock.sk));
    assert!(!sockets[1].has_socket);
    Ok(())
}

#[test]
fn a_connection_in_the_accept_queue_has_no_socket() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let (listener, client) = namespace.run(|| {
        let listener = Sock::listening(loopback(), 8)?;
        let client = Sock::connected(listener.local()?)?;
        Ok((listener, client))
    })?;
    let (listening, connecting) = (endpoint(listener.local()?), endpoint(client.local()?));
    let is_child = |socket: &SnapshotSocket| (socket.local, socket.remote) == (listening, connecting);
    let has_socket = wait::until("the child is established", || {
        let sockets = within(&take()?, namespace.inum()?);
        let child = sockets.into_iter().find(is_child).filter(|child| child.state == State::Established);
        Ok(child.map(|child| child.has_socket))
    })?;
    assert!(!has_socket);
    Ok(())
}

#[test]
fn an_ipv4_connection_of_an_ipv6_socket_is_ipv4() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let (_listener, client, _server) = namespace.run(|| {
        let listener = Sock::listening("[::]:0".parse()?, 8)?;
        let client = Sock::connected(SocketAddr::from(([127, 0, 0, 1], listener.local()?.port())))?;
        let server = listener.accept()?;
        Ok((listener, client, server))
    })?;
    let snapshot = take()?;

    let sockets = within(&snapshot, namespace.inum()?);
    assert_eq!(states(&sockets), [State::Established, State::Established, State::Listen]);
    let client = endpoint(client.local()?);
    assert!(sockets[..2].iter().all(|socket| socket.family == Family::Ipv4), "{sockets:?}");
    assert!(
        sockets[..2].iter().all(|socket| socket.local == client || socket.remote == client),
        "{sockets:?}"
    );
    assert_eq!(sockets[2].family, Family::Ipv6);
    Ok(())
}

/// A network namespace that only a listener keeps alive.
fn kept_alive_by_a_listener() -> Result<(u32, Sock)> {
    let namespace = Namespace::new()?;
    let listener = namespace.run(|| Sock::listening(loopback(), 8))?;
    Ok((namespace.inum()?, listener))
}

#[test]
fn a_namespace_that_only_a_socket_keeps_alive_is_covered() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (netns, _listener) = kept_alive_by_a_listener()?;
    let snapshot = take()?;

    assert_eq!(states(&within(&snapshot, netns)), [State::Listen]);
    assert!(snapshot.netns_covered.contains(&netns));
    Ok(())
}

#[test]
fn a_namespace_is_covered_though_child_processes_hold_its_socket_for_a_moment() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (netns, _listener) = kept_alive_by_a_listener()?;
    let (is_over, mut snapshotter) = (AtomicBool::new(false), snapshotter()?);
    let covered = thread::scope(|scope| {
        // Each child has a copy of the socket until it executes its program.
        let children = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                Command::new("true").status()?;
            }
            anyhow::Ok(())
        });
        let mut covers = || {
            snapshotter.request(SnapshotKind::Full);
            anyhow::Ok(states(&within(&answer(&mut snapshotter)?, netns)) == [State::Listen])
        };
        let covered: Result<Vec<bool>> = (0..50).map(|_| covers()).collect();
        is_over.store(true, Ordering::Relaxed);
        children.join().expect("a thread that doesn't panic")?;
        covered
    })?;
    assert!(covered.iter().all(|is_covered| *is_covered), "{covered:?}");
    Ok(())
}

#[test]
fn a_namespace_that_only_an_open_file_keeps_alive_is_covered() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let (listener, client, server) = namespace.run(|| connection(loopback()))?;
    client.close();
    server.receive_fin()?;
    server.close();
    listener.close();
    // No socket has a file any more. The only file that leads to the namespace is the one that `namespace` holds.
    wait::until("the client's end is in TIME_WAIT", || {
        Ok((states(&within(&take()?, namespace.inum()?)) == [State::TimeWait]).then_some(()))
    })
}

#[test]
fn an_inherited_socket_belongs_to_the_process_that_still_holds_it() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let namespace = Namespace::new()?;
    let listener = namespace.run(|| Sock::listening(loopback(), 8))?;
    let as_stdin = Stdio::from(listener.fd().try_clone_to_owned()?);
    let child = Sleeping(Command::new("sleep").arg("60").stdin(as_stdin).spawn()?);
    let holder = || {
        let snapshot = take()?;
        let sk = within(&snapshot, namespace.inum()?)[0].sock.sk;
        owner(&snapshot, sk).context("none")
    };
    assert_eq!(holder()?.pid, std::process::id().min(child.0.id()));
    listener.close();
    // A child of another test has a copy too, until it executes its program.
    let of_child = wait::until("only the child holds it", || {
        let owner = holder()?;
        Ok((owner.pid == child.0.id()).then_some(owner))
    })?;
    assert_eq!(of_child.comm.as_bytes(), b"sleep");
    Ok(())
}

/// A child process that ends with the test.
struct Sleeping(Child);

impl Drop for Sleeping {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_processes_that_hold_a_socket_of_any_family_are_found_by_its_inode_number() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    let file = std::fs::File::from(std::os::fd::OwnedFd::from(socket));
    let inode = std::os::unix::fs::MetadataExt::ino(&file.metadata()?);
    // A child of another test has a copy too, until it executes its program.
    wait::until("this process alone holds it", || {
        let mut holders = Vec::new();
        socket_files(|record| holders.extend((record.inode == inode).then_some(record.pid)))?;
        Ok((holders == [std::process::id()]).then_some(()))
    })
}
