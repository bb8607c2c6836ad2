//! What the kernel's tracepoint doesn't show of a connection: TIME_WAIT, the handshake, the byte counts, and
//! connections that existed before the trace.

#![cfg(target_os = "linux")]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::{Direction, Owner, Row},
    proc_tcp,
    scenario::{self, Pair, TestNet},
    skip,
    state_path::{
        CLIENT_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, CLIENT_SENDS_RESET, SERVER_ACTIVE_CLOSE,
        SERVER_PASSIVE_CLOSE, SERVER_RECEIVES_RESET, TIME_WAIT_START, existing_so_far, only, rows_so_far,
        trace_one,
    },
    tracer::Tracer,
    wait,
};

#[test]
fn a_closed_connection_stays_in_fin_wait2_until_its_peer_closes() -> Result<()> {
    if skip::without_root() || skip::without_fact(TIME_WAIT_START, &Tracer::start(&[])?.start_event()?) {
        return Ok(());
    }
    let rows = trace_one(&[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE], |net| {
        let Pair { client, server, .. } = net.pair()?;
        let port = client.local()?.port();
        client.close();
        proc_tcp::wait_for(1, port, "FIN_WAIT2")?;
        std::thread::sleep(PEER_DELAY);
        server.close();
        Ok(())
    })?;
    let time_wait = only(&rows, |row| row.new_state == "TIME_WAIT")?;
    let lasted = Duration::from_nanos(time_wait.state_ns.context("no duration of FIN_WAIT2")?);
    ensure!(
        lasted >= PEER_DELAY,
        "the peer closed {PEER_DELAY:?} later, but FIN_WAIT2 is shown to have lasted {lasted:?}"
    );
    Ok(())
}

/// How long the peer waits before it closes.
const PEER_DELAY: Duration = Duration::from_millis(100);

#[test]
fn the_duration_of_a_handshake_is_the_delay_of_its_packets() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let scenario = scenario::named("the wire delays every packet")?;
    let rows = trace_one(&[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE], scenario.run)?;
    let half_open = only(&rows, |row| row.old_state == "SYN_RECV")?;
    let lasted = Duration::from_nanos(half_open.state_ns.context("no duration of SYN_RECV")?);
    // A round trip takes 40 ms. The SYN-ACK is retransmitted after a second.
    let on_the_wire = Duration::from_millis(35)..Duration::from_secs(1);
    ensure!(on_the_wire.contains(&lasted), "half-open for {lasted:?}");
    Ok(())
}

#[test]
fn a_handshake_with_syn_cookies_has_no_duration() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let scenario = scenario::named("the server answers with SYN cookies")?;
    let rows = trace_one(&[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE], scenario.run)?;
    ensure!(only(&rows, |row| row.old_state == "SYN_RECV")?.state_ns.is_none(), "{rows:#?}");
    Ok(())
}

#[test]
fn byte_counts_are_exact_and_leave_out_syn_and_fin() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let first_to_close: [fn(Pair) -> Result<()>; 3] = [Pair::client_closes, Pair::server_closes, |pair| {
        let Pair { client, server, .. } = pair;
        client.reset()?;
        server.receive_fails(rustix::io::Errno::CONNRESET)
    }];
    let reported: [&[&str]; 3] = [
        &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
        &[CLIENT_PASSIVE_CLOSE, SERVER_ACTIVE_CLOSE],
        &[CLIENT_SENDS_RESET, SERVER_RECEIVES_RESET],
    ];
    for (close, reported) in first_to_close.into_iter().zip(reported) {
        let rows = trace_one(reported, |net| {
            let pair = net.pair()?;
            pair.client.send(&[0; REQUEST_BYTES])?;
            pair.server.receive(REQUEST_BYTES)?;
            pair.server.send(&[0; RESPONSE_BYTES])?;
            pair.client.receive(RESPONSE_BYTES)?;
            wait_until_acknowledged(&pair)?;
            close(pair)
        })?;
        for row in rows.iter().filter(|row| row.close_reason.is_some()) {
            let (sent, received) = match row.direction {
                Some(Direction::Outbound) => (REQUEST_BYTES, RESPONSE_BYTES),
                _ => (RESPONSE_BYTES, REQUEST_BYTES),
            };
            let expected = (Some(u64::try_from(sent)?), Some(u64::try_from(received)?));
            ensure!((row.bytes_sent, row.bytes_received) == expected, "not {expected:?}: {row:#?}");
            ensure!(row.rtt_us.is_some() && row.retransmits.is_some(), "{row:#?}");
        }
    }
    Ok(())
}

/// How many bytes the client sends, and how many the server.
const REQUEST_BYTES: usize = 3000;
const RESPONSE_BYTES: usize = 5000;

/// An RST discards data that the peer has not acknowledged, and its count too.
fn wait_until_acknowledged(pair: &Pair) -> Result<()> {
    for sock in [&pair.client, &pair.server] {
        wait::until("all is acknowledged", || Ok((sock.unacknowledged()? == 0).then_some(())))?;
    }
    Ok(())
}

#[test]
fn existing_connections_are_shown_with_their_owner_and_followed_by_their_transitions() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let pair = net.netns.run(|| net.pair())?;
    let (server, client) = (net.addresses.server(), pair.client.local()?);
    let tracer = Tracer::start(&["--existing"])?;
    wait::until("all three are shown", || Ok((existing_so_far(&tracer, &net)?.len() >= 3).then_some(())))?;
    pair.client_closes()?;
    wait::until("the client is in its last state but one", || {
        let last = |row: &Row| matches!(row.new_state, "FIN_WAIT2" | "TIME_WAIT");
        Ok(rows_so_far(&tracer, &net)?.iter().any(last).then_some(()))
    })?;
    let events = tracer.stop()?.events()?;
    let netns = Some(net.netns.inum()?);
    let mut expected = vec![
        ("LISTEN", server, None),
        ("ESTABLISHED", server, Some(client)),
        ("ESTABLISHED", client, Some(server)),
    ];
    for found in events.existing.iter().filter(|found| found.netns == netns) {
        let local = (found.local_addr, found.local_port.context("no local port")?).into();
        let remote = found.remote_addr.zip(found.remote_port).map(Into::into);
        let shown = (found.new_state, local, remote);
        let index = expected.iter().position(|end| *end == shown);
        expected.swap_remove(
            index.with_context(|| format!("shown twice, or not a connection of this test: {found:#?}"))?,
        );
        ensure!(found.old_state.is_none(), "it has an old state: {found:#?}");
        let owner = (found.pid, found.owner);
        ensure!(owner == (Some(std::process::id()), Some(Owner::Scan)), "wrong owner: {found:#?}");
        let has_transition =
            events.rows.iter().any(|row| row.conn == found.conn && row.old_state == found.new_state);
        ensure!(has_transition, "no transition has its id: {found:#?}");
    }
    ensure!(expected.is_empty(), "not shown: {expected:?}");
    Ok(())
}
