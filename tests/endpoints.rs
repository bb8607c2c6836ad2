//! The endpoints of connections: a port that no segment has shown yet, and the same endpoints on two links.

#![cfg(target_os = "linux")]

use std::{ffi::CString, io::Write as _, net::SocketAddr};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::{CloseReason, Direction, Row},
    packet, proc_tcp, relay,
    scenario::TestNet,
    segment::flag,
    skip,
    sock::Sock,
    state_path::rows_so_far,
    tracer::Tracer,
    wait,
};

/// `SO_BINDTOIFINDEX` (include/uapi/asm-generic/socket.h, 5.0).
const SO_BINDTOIFINDEX: i32 = 62;
/// The port of the forged clients.
const FORGED_PORT: u16 = 4_321;

#[test]
fn a_connection_that_leaves_its_syn_to_the_first_data_is_shown_with_its_port_before_that() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    net.netns.sysctl("ipv4/tcp_fastopen", "3")?;
    let tracer = Tracer::start(&[])?;
    if skip::without_fact("the local port in SYN_SENT", &tracer.start_event()?) {
        return Ok(());
    }
    let (port, silent_port) = net.netns.run(|| {
        let listener = net.listener()?;
        listener.option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN, 8)?;
        let first = Sock::tcp(net.addresses.server())?;
        first.send_with_syn(b"early", net.addresses.server())?;
        let accepted = listener.accept()?;
        // The cookie is in the SYN-ACK, which has arrived.
        first.wait_for("ESTABLISHED")?;
        let client = Sock::tcp(net.addresses.server())?;
        client.option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)?;
        client.connect(net.addresses.server())?;
        ensure!(client.state()? == "SYN_SENT", "the connection waits for no data: the client has no cookie");
        let port = client.local()?.port();
        wait::until("the row has the port", || {
            let rows = rows_so_far(&tracer, &net)?;
            let row = rows.iter().find(|row| row.new_state == "SYN_SENT" && row.local_port == Some(port));
            Ok(row.map(|_| ()))
        })?;
        client.send(b"early")?;
        let server = listener.accept()?;
        server.receive(5)?;
        let silent = Sock::tcp(net.addresses.server())?;
        silent.option(libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)?;
        silent.connect(net.addresses.server())?;
        let silent_port = silent.local()?.port();
        wait::until("the row of the silent one has its port", || {
            let rows = rows_so_far(&tracer, &net)?;
            Ok(rows.iter().find(|row| row.local_port == Some(silent_port)).map(|_| ()))
        })?;
        for sock in [first, accepted, client, server, silent] {
            sock.close();
        }
        Ok((port, silent_port))
    })?;
    // A child that another test starts has a copy of the socket until exec().
    let end = wait::until("the one without data ends", || {
        let is_end = |row: &Row| row.local_port == Some(silent_port) && row.new_state == "CLOSE";
        Ok(rows_so_far(&tracer, &net)?.into_iter().find(is_end))
    })?;
    let rows = tracer.stop()?.rows()?;
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| row.belongs_to(&net.addresses) && row.direction == Some(Direction::Outbound))
        .collect();
    for row in &rows {
        ensure!(row.local_port.is_some(), "a row has no port: {row:#?}");
    }
    let of_client: Vec<_> = rows.iter().filter(|row| row.local_port == Some(port)).collect();
    let path: Vec<_> = of_client.iter().take(2).map(|row| row.new_state).collect();
    ensure!(path == ["SYN_SENT", "ESTABLISHED"], "{of_client:#?}");
    ensure!(of_client.iter().all(|row| row.conn == of_client[0].conn), "{of_client:#?}");
    // No SYN was sent, so none is unanswered.
    ensure!(end.direction == Some(Direction::Outbound), "{end:#?}");
    ensure!(end.close_reason == Some(CloseReason::Abandoned) && end.syn_retransmits.is_none(), "{end:#?}");
    Ok(())
}

#[test]
fn an_rst_for_one_of_two_half_open_connections_with_the_same_endpoints_ends_that_on_its_link() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = Tracer::start(&[])?;
    let start = tracer.start_event()?;
    if skip::without_fact("half-open SYN_RECV", &start)
        || skip::without_fact("which connections this host resets", &start)
        || skip::without_fact("who ended a half-open connection", &start)
    {
        return Ok(());
    }
    let at = SocketAddr::new(net.addresses.link(1), net.addresses.port());
    let peer = SocketAddr::new(net.addresses.link(2), FORGED_PORT);
    let mut left = relay::device(&net.netns, "left", at.ip())?;
    let mut right = relay::device(&net.netns, "right", at.ip())?;
    for name in ["all", "left", "right"] {
        net.netns.sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
    }
    let listeners = net.netns.run(|| {
        ["left", "right"].map(|name| listener_on(name, at)).into_iter().collect::<Result<Vec<_>>>()
    })?;
    let segment = |seq: u32, flags: u8| packet::segment(peer, at, seq, 0, flags);
    for link in [&mut left, &mut right] {
        link.write_all(&segment(1_000, flag::SYN)?)?;
    }
    net.netns.run(|| proc_tcp::wait_for(2, at.port(), "SYN_RECV"))?;
    // A second SYN in the window, which the host answers with an RST; the other connection's peer sends one.
    left.write_all(&segment(1_100, flag::SYN)?)?;
    right.write_all(&segment(1_001, flag::RST)?)?;
    net.netns.run(|| proc_tcp::wait_for_none(at.port(), "SYN_RECV"))?;
    drop(listeners);
    let rows = tracer.stop()?.rows()?;
    let ends: Vec<_> = rows
        .iter()
        .filter(|row| row.netns == net.netns.inum().ok() && row.remote_port == Some(FORGED_PORT))
        .filter(|row| row.new_state == "CLOSE")
        .collect();
    let mut reasons: Vec<_> = ends.iter().map(|row| (row.interface.as_deref(), row.close_reason)).collect();
    reasons.sort_by_key(|(interface, _)| *interface);
    let expected =
        [(Some("left"), Some(CloseReason::ResetSent)), (Some("right"), Some(CloseReason::ResetReceived))];
    ensure!(reasons == expected, "{ends:#?}");
    Ok(())
}

/// A listener that is bound to the interface.
fn listener_on(interface: &str, at: SocketAddr) -> Result<Sock> {
    let name = CString::new(interface)?;
    // SAFETY: the name is a C string that outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    ensure!(index != 0, "no interface {interface}: {}", std::io::Error::last_os_error());
    let sock = Sock::tcp(at)?;
    sock.option(libc::SOL_SOCKET, SO_BINDTOIFINDEX, i32::try_from(index).context("an index")?)?;
    sock.bind(at)?;
    sock.listen(8)?;
    Ok(sock)
}
