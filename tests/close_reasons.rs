//! Why a connection ended: every reason, from what really happened to it.

#![cfg(target_os = "linux")]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::CloseReason,
    proc_tcp,
    scenario::{Pair, TestNet},
    skip,
    state_path::{
        CLIENT_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, CLIENT_RECEIVES_RESET, CLIENT_SENDS_RESET,
        CLIENT_TIMES_OUT, SERVER_ACTIVE_CLOSE, SERVER_LATE_PASSIVE_CLOSE, SERVER_PASSIVE_CLOSE,
        SERVER_RECEIVES_RESET, SERVER_SENDS_RESET, rows_so_far, run_and_compare, scenario,
    },
    tracer::Tracer,
    wait,
    wire::Wire,
};

#[test]
fn who_closes_first_rests_in_time_wait_and_both_say_who_it_was() -> Result<()> {
    run_and_compare(&[
        ("the client closes first", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        ("the server closes first", &[SERVER_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE]),
        ("the client half closes and reads on", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        ("the server half closes and reads on", &[SERVER_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE]),
        ("both ends shut down their writing and close later", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        ("a process exits without closing its connection", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        ("the listener goes before its connection", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        (
            "client and server live in two namespaces joined by veth",
            &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
        ),
    ])
}

#[test]
fn ends_that_close_at_once_both_rest_in_time_wait() -> Result<()> {
    run_and_compare(&[
        (
            "both ends close while their FINs are on the wire",
            &[
                "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSING TIME_WAIT(FinBoth)",
                "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING TIME_WAIT(FinBoth)",
            ],
        ),
        (
            "a connection with itself closes from both ends at once",
            &["CLOSE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING TIME_WAIT(FinBoth)"],
        ),
    ])
}

#[test]
fn a_reset_tells_who_sent_it() -> Result<()> {
    run_and_compare(&[
        ("the client resets", &[CLIENT_SENDS_RESET, SERVER_RECEIVES_RESET]),
        ("the server resets", &[CLIENT_RECEIVES_RESET, SERVER_SENDS_RESET]),
        ("the client closes with data unread", &[CLIENT_SENDS_RESET, SERVER_RECEIVES_RESET]),
        ("a process exits with data unread", &[CLIENT_SENDS_RESET, SERVER_RECEIVES_RESET]),
        ("the client disconnects by AF_UNSPEC", &[CLIENT_SENDS_RESET, SERVER_RECEIVES_RESET]),
        ("the client resets before accept()", &[CLIENT_SENDS_RESET, SERVER_RECEIVES_RESET]),
        (
            "the server resets after the client's FIN",
            &[
                "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(ResetReceived)",
                "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE(ResetSent)",
            ],
        ),
    ])
}

#[test]
fn what_never_came_about_tells_why() -> Result<()> {
    run_and_compare(&[
        ("nobody listens", &["CLOSE SYN_SENT CLOSE(Refused)"]),
        ("nobody listens beyond the veth", &["CLOSE SYN_SENT CLOSE(Refused)"]),
        ("nobody answers and the client gives up", &["CLOSE SYN_SENT CLOSE(FinLocal)"]),
        ("nobody answers until the connect times out", &["CLOSE SYN_SENT CLOSE(Timeout)"]),
        ("a router knows no way to the server", &["CLOSE SYN_SENT CLOSE(Unreachable)"]),
        (
            "the accept queue is full and the client gives up",
            &[
                "CLOSE SYN_SENT CLOSE(FinLocal)",
                CLIENT_SENDS_RESET,
                CLIENT_SENDS_RESET,
                SERVER_RECEIVES_RESET,
                SERVER_RECEIVES_RESET,
            ],
        ),
    ])
}

#[test]
fn connections_that_nobody_accepted_are_aborted_with_their_listener() -> Result<()> {
    const ABORTED: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(Aborted)";
    run_and_compare(&[(
        "the listener is closed with connections in its queue",
        &[CLIENT_RECEIVES_RESET, CLIENT_RECEIVES_RESET, ABORTED, ABORTED],
    )])
}

#[test]
fn a_peer_that_vanished_is_a_timeout() -> Result<()> {
    run_and_compare(&[
        ("the peer vanishes and the user timeout strikes", &[CLIENT_TIMES_OUT, SERVER_SENDS_RESET]),
        ("the peer vanishes and keepalive notices", &[CLIENT_TIMES_OUT, SERVER_SENDS_RESET]),
        (
            "the peer vanishes before the FIN",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE(Timeout)", SERVER_SENDS_RESET],
        ),
    ])
}

#[test]
fn a_half_open_connection_that_never_completes_tells_why() -> Result<()> {
    const GIVES_UP: &str = "CLOSE SYN_SENT CLOSE(FinLocal)";
    run_and_compare(&[
        ("nobody answers the SYN-ACK and the server gives up", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Timeout)"]),
        ("the client is gone when the SYN-ACK comes", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(ResetReceived)"]),
        ("the listener goes while a connection is half open", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Aborted)"]),
    ])
}

#[test]
fn an_end_from_outside_or_for_want_of_something_tells_why() -> Result<()> {
    run_and_compare(&[
        (
            "an administrator ends the connection",
            &["CLOSE SYN_SENT ESTABLISHED CLOSE(Aborted)", SERVER_RECEIVES_RESET],
        ),
        (
            "there is no room for a TIME_WAIT",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(FinLocal)", SERVER_LATE_PASSIVE_CLOSE],
        ),
        (
            "the peer of a closed connection never closes",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(Timeout)", SERVER_LATE_PASSIVE_CLOSE],
        ),
        (
            "a new connection takes over a TIME_WAIT",
            &[SERVER_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
        ),
    ])
}

#[test]
fn a_time_wait_ends_because_its_minute_is_over_or_a_new_connection_wants_its_ends() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (expires, taken) = (TestNet::new()?, TestNet::new()?);
    let tracer = Tracer::start(&["-s", "TIME_WAIT"])?;
    expires.run(scenario("the client closes first")?)?;
    taken.run(scenario("a new connection takes over a TIME_WAIT")?)?;
    for (net, reason) in [(taken, CloseReason::Unknown), (expires, CloseReason::Expired)] {
        let rows = wait::until_within(MINUTE + wait::deadline(), "the TIME_WAIT ends", || {
            let rows = rows_so_far(&tracer, &net)?;
            Ok(rows.iter().any(|row| row.old_state == "TIME_WAIT").then_some(rows))
        })?;
        let end = rows.iter().find(|row| row.old_state == "TIME_WAIT").context("no end")?;
        let is_so = (end.new_state, end.close_reason) == ("CLOSE", Some(reason));
        ensure!(is_so, "not {reason:?}: {end:#?}\nof {}", tracer.lines_so_far()?);
    }
    tracer.stop()?.rows()?;
    Ok(())
}

/// RFC 1337: the peer, which knows the connection no more, answers the TIME_WAIT's ACK of an old segment by an RST.
#[test]
fn a_time_wait_ends_because_an_old_segment_brings_a_reset_on_it() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let wire = Wire::new(&net)?;
    let tracer = Tracer::start(&["-s", "TIME_WAIT"])?;
    let Pair { listener, client, server } = net.netns.run(|| wire.pair())?;
    let port = client.local()?.port();
    client.close();
    server.receive_fin()?;
    server.close();
    net.netns.run(|| proc_tcp::wait_for(1, port, "TIME_WAIT"))?;
    wire.far.run(|| proc_tcp::wait_for_none(wire.address.port(), "LAST_ACK"))?;
    wire.relay.repeat_backward()?;
    let rows = wait::until("the TIME_WAIT ends", || {
        let rows = rows_so_far(&tracer, &net)?;
        Ok(rows.iter().any(|row| row.old_state == "TIME_WAIT").then_some(rows))
    })?;
    ensure!(net.netns.run(|| proc_tcp::count(port, "TIME_WAIT"))? == 0, "the kernel still has it: {rows:#?}");
    drop(listener);
    tracer.stop()?.rows()?;
    Ok(())
}

/// TCP_TIMEWAIT_LEN (include/net/tcp.h).
const MINUTE: Duration = Duration::from_secs(60);
