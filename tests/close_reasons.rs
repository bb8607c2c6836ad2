//! Close reasons: each is produced by real connections, and the trace must name it.

#![cfg(target_os = "linux")]

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::{CloseReason, Direction, Row},
    proc_tcp,
    scenario::{self, Pair, TestNet},
    skip,
    state_path::{
        CLIENT_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, CLIENT_RECEIVES_RESET, CLIENT_SENDS_RESET,
        CLIENT_TIMES_OUT, Expected, SERVER_ACTIVE_CLOSE, SERVER_LATE_PASSIVE_CLOSE, SERVER_PASSIVE_CLOSE,
        SERVER_RECEIVES_RESET, SERVER_SENDS_RESET, only, rows_so_far, run_and_compare, trace_one,
    },
    tracer::Tracer,
    wait,
    wire::Wire,
};

/// Runs the scenarios as root beside a trace, which must show these state paths.
fn check(expected: &[Expected]) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    run_and_compare(expected)
}

#[test]
fn the_end_that_closes_first_enters_time_wait_and_both_ends_name_who_closed() -> Result<()> {
    check(&[
        ("the client closes first", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        ("the server closes first", &[SERVER_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE]),
        ("the client half closes and reads on", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        ("the server half closes and reads on", &[SERVER_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE]),
        ("both ends shut down their writing and close later", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        ("a process exits without closing its connection", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        ("the listener is closed before its connection", &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE]),
        (
            "client and server are in two namespaces joined by veth",
            &[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
        ),
    ])
}

#[test]
fn both_ends_enter_time_wait_after_a_simultaneous_close() -> Result<()> {
    check(&[
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
fn a_reset_is_reported_as_sent_at_one_end_and_as_received_at_the_other() -> Result<()> {
    check(&[
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
fn a_connection_attempt_that_fails_has_a_close_reason() -> Result<()> {
    check(&[
        ("nobody listens", &["CLOSE SYN_SENT CLOSE(Refused)"]),
        ("nobody listens behind the veth", &["CLOSE SYN_SENT CLOSE(Refused)"]),
        ("nobody answers and the client gives up", &["CLOSE SYN_SENT CLOSE(Abandoned)"]),
        ("nobody answers until the connect times out", &["CLOSE SYN_SENT CLOSE(Timeout)"]),
        ("a router has no route to the server", &["CLOSE SYN_SENT CLOSE(Unreachable)"]),
        (
            "the accept queue is full and the client gives up",
            &[
                "CLOSE SYN_SENT CLOSE(Abandoned)",
                CLIENT_SENDS_RESET,
                CLIENT_SENDS_RESET,
                SERVER_RECEIVES_RESET,
                SERVER_RECEIVES_RESET,
            ],
        ),
    ])
}

#[test]
fn connections_in_the_accept_queue_are_aborted_when_the_listener_closes() -> Result<()> {
    const ABORTED: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(Aborted)";
    check(&[(
        "the listener is closed with connections in its queue",
        &[CLIENT_RECEIVES_RESET, CLIENT_RECEIVES_RESET, ABORTED, ABORTED],
    )])
}

#[test]
fn a_peer_that_disappears_causes_a_timeout() -> Result<()> {
    check(&[
        ("the peer disappears and the user timeout strikes", &[CLIENT_TIMES_OUT, SERVER_SENDS_RESET]),
        ("the peer disappears and keepalive notices", &[CLIENT_TIMES_OUT, SERVER_SENDS_RESET]),
        (
            "the peer disappears before the FIN",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE(Timeout)", SERVER_SENDS_RESET],
        ),
    ])
}

#[test]
fn a_half_open_connection_that_never_completes_has_a_close_reason() -> Result<()> {
    const GIVES_UP: &str = "CLOSE SYN_SENT CLOSE(Abandoned)";
    check(&[
        ("nobody answers the SYN-ACK and the server gives up", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Timeout)"]),
        (
            "the client has closed when the SYN-ACK arrives",
            &[GIVES_UP, "LISTEN SYN_RECV CLOSE(ResetReceived)"],
        ),
        (
            "the listener is closed while a connection is half-open",
            &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Aborted)"],
        ),
    ])
}

#[test]
fn an_rst_of_an_end_that_has_sent_its_fin_is_the_reason() -> Result<()> {
    const CLIENT_RESETS: &str = "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(ResetSent)";
    const SERVER_IS_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE(ResetReceived)";
    check(&[
        ("the client shuts down its writing and closes with data unread", &[CLIENT_RESETS, SERVER_IS_RESET]),
        (
            "the client shuts down its writing and closes, and TCP_LINGER2 forbids FIN_WAIT2",
            &[CLIENT_RESETS, SERVER_IS_RESET],
        ),
        ("the client closes, and TCP_LINGER2 forbids FIN_WAIT2", &[CLIENT_RESETS, SERVER_IS_RESET]),
        ("data arrives after the client's close", &[CLIENT_RESETS, SERVER_IS_RESET]),
        (
            "the client closes while the peer's window is shut, and data arrives",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 CLOSE(ResetSent)", SERVER_RECEIVES_RESET],
        ),
        (
            "the server disconnects before its FIN is acknowledged",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2", SERVER_PASSIVE_CLOSE],
        ),
        ("an old ICMP error is not read before the FINs", &[CLIENT_PASSIVE_CLOSE, SERVER_ACTIVE_CLOSE]),
    ])
}

#[test]
fn an_attempt_that_never_began_or_was_rejected_at_once_has_a_close_reason() -> Result<()> {
    const NO_PORT: &str = "CLOSE SYN_SENT CLOSE(NoPort)";
    const ABANDONED: &str = "CLOSE SYN_SENT CLOSE(Abandoned)";
    const REFUSED: &str = "CLOSE SYN_SENT CLOSE(Refused)";
    const UNREACHABLE: &str = "CLOSE SYN_SENT CLOSE(Unreachable)";
    check(&[
        ("no local port is left", &[NO_PORT]),
        (
            "the client binds to a port that is connected to the server already",
            &[NO_PORT, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
        ),
        ("a socket that was refused finds no local port", &[REFUSED, NO_PORT]),
        ("a router rejects the SYN at once and the client closes", &[REFUSED, UNREACHABLE]),
        ("a router prohibits the IPv6 connection", &[UNREACHABLE]),
        ("every kind of ICMP error answers a SYN", &[UNREACHABLE; 9]),
        ("an administrator ends the attempt", &["CLOSE SYN_SENT CLOSE(Aborted)"]),
        ("the client disconnects before an answer", &[ABANDONED]),
    ])
}

#[test]
fn an_error_that_the_process_has_read_is_still_the_reason() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let start = Tracer::start(&[])?.start_event()?;
    if skip::without_fact("ICMP errors that arrive during connect()", &start) {
        return Ok(());
    }
    check(&[(
        "a router rejects the SYN at once and the client reads the error",
        &["CLOSE SYN_SENT CLOSE(Refused)", "CLOSE SYN_SENT CLOSE(Unreachable)"],
    )])
}

#[test]
fn syns_that_are_sent_again_are_counted() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let scenario = scenario::named("the client gives up after it has sent its SYN again")?;
    let rows = trace_one(&["CLOSE SYN_SENT CLOSE(Abandoned)"], scenario.run)?;
    let end = only(&rows, |row| row.old_state == "SYN_SENT")?;
    ensure!(end.syn_retransmits.is_some_and(|count| count >= 1), "{end:#?}");
    ensure!(end.bytes_sent.is_none() && end.retransmits.is_none(), "{end:#?}");
    let scenario = scenario::named("nobody answers the SYN-ACK and the server gives up")?;
    let paths = ["CLOSE SYN_SENT CLOSE(Abandoned)", "LISTEN SYN_RECV CLOSE(Timeout)"];
    let rows = trace_one(&paths, scenario.run)?;
    let end = only(&rows, |row| row.old_state == "SYN_RECV")?;
    ensure!(end.syn_retransmits.is_some_and(|count| count >= 1), "{end:#?}");
    let rows = trace_one(&[CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE], |net| net.pair()?.client_closes())?;
    for row in &rows {
        let leaves_handshake = matches!(row.old_state, "SYN_SENT" | "SYN_RECV");
        ensure!(row.syn_retransmits == leaves_handshake.then_some(0), "{row:#?}");
    }
    Ok(())
}

#[test]
fn a_connect_without_a_port_shows_its_rows_in_order_and_no_port() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let scenario = scenario::named("a socket that was refused finds no local port")?;
    let rows = trace_one(&["CLOSE SYN_SENT CLOSE(NoPort)", "CLOSE SYN_SENT CLOSE(Refused)"], scenario.run)?;
    let end = only(&rows, |row| row.close_reason == Some(CloseReason::NoPort))?;
    let attempt: Vec<&Row> = rows.iter().filter(|row| row.conn == end.conn).collect();
    ensure!(attempt.iter().all(|row| row.local_port.is_none()), "a port of another attempt: {attempt:#?}");
    ensure!(attempt.iter().map(|row| row.old_state).eq(["CLOSE", "SYN_SENT"]), "{attempt:#?}");
    Ok(())
}

#[test]
fn the_cause_of_an_rst_is_the_kernel_s() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let start = Tracer::start(&[])?.start_event()?;
    if skip::without_fact("the cause of an RST", &start) {
        return Ok(());
    }
    for (name, paths, causes) in [
        (
            "the client closes with data unread",
            &[CLIENT_SENDS_RESET, SERVER_RECEIVES_RESET][..],
            &["tcp_abort_on_close"][..],
        ),
        (
            "the peer disappears and keepalive notices",
            &[CLIENT_TIMES_OUT, SERVER_SENDS_RESET],
            &["tcp_keepalive_timeout"],
        ),
        (
            "the client shuts down its writing and closes, and TCP_LINGER2 forbids FIN_WAIT2",
            &[
                "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(ResetSent)",
                "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE(ResetReceived)",
            ],
            &["tcp_abort_on_linger"],
        ),
        (
            "data arrives after the client's close",
            &[
                "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(ResetSent)",
                "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT CLOSE(ResetReceived)",
            ],
            // The peer may acknowledge the FIN only with the data.
            &["tcp_timewait_socket", "tcp_abort_on_data"],
        ),
    ] {
        let rows = trace_one(paths, scenario::named(name)?.run)?;
        let end = only(&rows, |row| row.new_state == "CLOSE" && row.direction == Some(Direction::Outbound))?;
        let cause = end.reset_cause.as_deref();
        ensure!(cause.is_some_and(|cause| causes.contains(&cause)), "not {causes:?}: {end:#?}");
        let received = rows.iter().filter(|row| row.close_reason == Some(CloseReason::ResetReceived));
        for row in received {
            ensure!(row.reset_cause.is_none(), "{row:#?}");
        }
    }
    Ok(())
}

#[test]
fn a_half_open_connection_ends_by_what_removes_it() -> Result<()> {
    const GIVES_UP: &str = "CLOSE SYN_SENT CLOSE(Abandoned)";
    check(&[
        ("an RST arrives for a half-open connection", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(ResetReceived)"]),
        ("a second SYN arrives for a half-open connection", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(ResetSent)"]),
        (
            "an ICMP error arrives for a half-open connection",
            &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Unreachable)"],
        ),
        ("an administrator ends a half-open connection", &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Aborted)"]),
        (
            "the last packet of the handshake arrives after the listener has closed",
            &[GIVES_UP, "LISTEN SYN_RECV CLOSE(Aborted)"],
        ),
        (
            "the accept queue overflows and the server resets",
            &[
                "LISTEN SYN_RECV CLOSE(ResetSent)",
                CLIENT_ACTIVE_CLOSE,
                CLIENT_ACTIVE_CLOSE,
                CLIENT_ACTIVE_CLOSE,
                SERVER_PASSIVE_CLOSE,
                SERVER_PASSIVE_CLOSE,
                SERVER_PASSIVE_CLOSE,
            ],
        ),
    ])
}

#[test]
fn a_connection_ended_from_outside_or_by_a_missing_resource_has_a_close_reason() -> Result<()> {
    check(&[
        (
            "an administrator ends the connection",
            &["CLOSE SYN_SENT ESTABLISHED CLOSE(Aborted)", SERVER_RECEIVES_RESET],
        ),
        (
            "the host's limit of timewait sockets is reached",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(FinLocal)", SERVER_LATE_PASSIVE_CLOSE],
        ),
        (
            "the peer of a closed connection never closes",
            &["CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 CLOSE(Timeout)", SERVER_LATE_PASSIVE_CLOSE],
        ),
        (
            "a new connection reuses the tuple of a TIME_WAIT",
            &[SERVER_ACTIVE_CLOSE, CLIENT_PASSIVE_CLOSE, CLIENT_ACTIVE_CLOSE, SERVER_PASSIVE_CLOSE],
        ),
    ])
}

#[test]
fn time_wait_ends_after_a_minute_or_when_a_new_connection_reuses_its_tuple() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (expires, taken) = (TestNet::new()?, TestNet::new()?);
    let tracer = Tracer::start(&["-s", "TIME_WAIT"])?;
    expires.run(scenario::named("the client closes first")?)?;
    taken.run(scenario::named("a new connection reuses the tuple of a TIME_WAIT")?)?;
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

/// RFC 1337: the peer no longer knows the connection. It answers the ACK that the timewait socket sends for an old
/// segment with an RST.
#[test]
fn time_wait_ends_when_an_old_segment_provokes_a_reset() -> Result<()> {
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
