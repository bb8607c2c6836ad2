//! Why a connection ended: every reason, from what really happened to it.

#![cfg(target_os = "linux")]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::CloseReason,
    proc_tcp,
    scenario::{Pair, Place},
    skip,
    story::{
        CLIENT_CLOSES, CLIENT_FOLLOWS, CLIENT_IS_RESET, CLIENT_RESETS, CLIENT_TIMES_OUT, SERVER_CLOSES,
        SERVER_FOLLOWS, SERVER_FOLLOWS_NOBODY, SERVER_IS_RESET, SERVER_RESETS, case, play_and_compare,
        rows_so_far,
    },
    tracer::Tracer,
    wait,
    wire::Wire,
};

#[test]
fn who_closes_first_rests_in_time_wait_and_both_say_who_it_was() -> Result<()> {
    play_and_compare(&[
        ("the client closes first", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("the server closes first", &[SERVER_CLOSES, CLIENT_FOLLOWS]),
        ("the client half closes and reads on", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("the server half closes and reads on", &[SERVER_CLOSES, CLIENT_FOLLOWS]),
        ("both ends shut down their writing and close later", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("a process exits without closing its connection", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("the listener goes before its connection", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
        ("client and server live in two namespaces joined by veth", &[CLIENT_CLOSES, SERVER_FOLLOWS]),
    ])
}

#[test]
fn ends_that_close_at_once_both_rest_in_time_wait() -> Result<()> {
    play_and_compare(&[
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
    play_and_compare(&[
        ("the client resets", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("the server resets", &[CLIENT_IS_RESET, SERVER_RESETS]),
        ("the client closes with data unread", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("a process exits with data unread", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("the client disconnects by AF_UNSPEC", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("the client resets before accept()", &[CLIENT_RESETS, SERVER_IS_RESET]),
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
    play_and_compare(&[
        ("nobody listens", &["CLOSE SYN_SENT CLOSE(Refused)"]),
        ("nobody listens beyond the veth", &["CLOSE SYN_SENT CLOSE(Refused)"]),
        ("nobody answers and the client gives up", &["CLOSE SYN_SENT CLOSE(FinLocal)"]),
        ("nobody answers until the connect times out", &["CLOSE SYN_SENT CLOSE(Timeout)"]),
        ("a router knows no way to the server", &["CLOSE SYN_SENT CLOSE(Unreachable)"]),
        (
            "the accept queue is full and the client gives up",
            &[
                "CLOSE SYN_SENT CLOSE(FinLocal)",
                CLIENT_RESETS,
                CLIENT_RESETS,
                SERVER_IS_RESET,
                SERVER_IS_RESET,
            ],
        ),
    ])
}

#[test]
fn connections_that_nobody_accepted_are_aborted_with_their_listener() -> Result<()> {
    const ABORTED: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(Aborted)";
    play_and_compare(&[(
        "the listener is closed with connections in its queue",
        &[CLIENT_IS_RESET, CLIENT_IS_RESET, ABORTED, ABORTED],
    )])
}

#[test]
fn a_peer_that_vanished_is_a_timeout() -> Result<()> {
    play_and_compare(&[
        ("the peer vanishes and the user timeout strikes", &[CLIENT_TIMES_OUT, SERVER_RESETS]),
        ("the peer vanishes and keepalive notices", &[CLIENT_TIMES_OUT, SERVER_RESETS]),
        (
            "the peer vanishes before the FIN",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE(Timeout)", SERVER_RESETS],
        ),
    ])
}

#[test]
fn a_half_open_connection_that_never_completes_tells_why() -> Result<()> {
    const GIVES_UP: &str = "CLOSE SYN_SENT CLOSE(FinLocal)";
    play_and_compare(&[
        ("nobody answers the SYN-ACK and the server gives up", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Timeout)"]),
        ("the client is gone when the SYN-ACK comes", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(ResetReceived)"]),
        ("the listener goes while a connection is half open", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Aborted)"]),
    ])
}

#[test]
fn an_end_from_outside_or_for_want_of_something_tells_why() -> Result<()> {
    play_and_compare(&[
        (
            "an administrator ends the connection",
            &["CLOSE SYN_SENT ESTABLISHED CLOSE(Aborted)", SERVER_IS_RESET],
        ),
        (
            "there is no room for a TIME_WAIT",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(FinLocal)", SERVER_FOLLOWS_NOBODY],
        ),
        (
            "the peer of a closed connection never closes",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(Timeout)", SERVER_FOLLOWS_NOBODY],
        ),
        (
            "a new connection takes over a TIME_WAIT",
            &[SERVER_CLOSES, CLIENT_FOLLOWS, CLIENT_CLOSES, SERVER_FOLLOWS],
        ),
    ])
}

#[test]
fn a_time_wait_ends_because_its_minute_is_over_or_a_new_connection_wants_its_ends() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (expires, taken) = (Place::new()?, Place::new()?);
    let tracer = Tracer::start(&["-s", "TIME_WAIT"])?;
    expires.play(case("the client closes first")?)?;
    taken.play(case("a new connection takes over a TIME_WAIT")?)?;
    for (place, reason) in [(taken, CloseReason::Unknown), (expires, CloseReason::Expired)] {
        let rows = wait::until_within(MINUTE + wait::deadline(), "the TIME_WAIT ends", || {
            let rows = rows_so_far(&tracer, &place)?;
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
    let place = Place::new()?;
    let wire = Wire::new(&place)?;
    let tracer = Tracer::start(&["-s", "TIME_WAIT"])?;
    let Pair { listener, client, server } = place.here.run(|| wire.pair())?;
    let port = client.local()?.port();
    client.close();
    server.receive_fin()?;
    server.close();
    place.here.run(|| proc_tcp::wait_for(1, port, "TIME_WAIT"))?;
    wire.far.run(|| proc_tcp::wait_for_none(wire.address.port(), "LAST_ACK"))?;
    wire.relay.repeat_backward()?;
    let rows = wait::until("the TIME_WAIT ends", || {
        let rows = rows_so_far(&tracer, &place)?;
        Ok(rows.iter().any(|row| row.old_state == "TIME_WAIT").then_some(rows))
    })?;
    ensure!(
        place.here.run(|| proc_tcp::count(port, "TIME_WAIT"))? == 0,
        "the kernel still has it: {rows:#?}"
    );
    drop(listener);
    tracer.stop()?.rows()?;
    Ok(())
}

/// TCP_TIMEWAIT_LEN (include/net/tcp.h).
const MINUTE: Duration = Duration::from_secs(60);
