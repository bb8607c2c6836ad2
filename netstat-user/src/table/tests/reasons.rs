//! Close reasons, the causes of RSTs, and repeated SYNs.

use super::{
    half_open::{REQUEST, created, listen, removed},
    *,
};
use crate::model::{
    CloseReason::{self, *},
    HalfOpenReset, KernelTcpStats, RemovalCause, ResetSent,
};

const SOCK: u64 = 1;

fn close(old: State, error: u32, has_socket: bool) -> Transition {
    let mut close = change(1_000, sock(SOCK, 7), old, State::Close, CLIENT, SERVER);
    (close.error, close.has_socket) = (Some(error), Some(has_socket));
    close
}

fn reset(at: u64, sk: u64, state: State) -> Event {
    let cause = Some("tcp_state");
    Event::ResetSent(ResetSent { at: moment(at), sk, state, half_open: None, cause })
}

/// The reason and the cause of the last row; the rows that wait are released.
fn ending_after(table: &mut Table, events: &[Event]) -> (Option<CloseReason>, Option<&'static str>) {
    let mut rows = rows_of(table, events);
    rows.extend(waited(table, 10_000_000_000));
    let last = rows.last().expect("a row");
    assert!(matches!(last.new_state, State::Close | State::TimeWait), "{last:?}");
    (last.close_reason, last.reset_cause)
}

fn reason_of(close: Transition) -> Option<CloseReason> {
    let (reason, cause) = ending_after(&mut table(), &[Event::Transition(close)]);
    assert_eq!(cause, None);
    reason
}

#[test]
fn every_kind_of_close_has_its_reason() {
    for (old, error, has_socket, reason) in [
        (State::LastAck, 0, false, FinRemote),
        (State::LastAck, 0, true, FinRemote),
        (State::Closing, 0, false, FinBoth),
        (State::FinWait2, 0, false, FinLocal),
        (State::Established, 104, true, ResetReceived),
        (State::CloseWait, 32, true, ResetReceived),
        (State::FinWait1, 104, false, ResetReceived),
        (State::SynSent, 111, true, Refused),
        (State::SynSent, 110, true, Timeout),
        (State::SynSent, 103, true, Aborted),
        (State::SynSent, 0, true, Abandoned),
        (State::Established, 110, true, Timeout),
        (State::Established, 103, true, Aborted),
        (State::Established, 0, true, ResetSent),
        (State::Established, 0, false, Aborted),
        (State::FinWait1, 0, false, ResetSent),
        // ICMP port unreachable, stored while data was retransmitted: no RST arrived.
        (State::Established, 111, true, Unreachable),
        (State::Established, 4_000, true, Unknown),
    ] {
        let found = reason_of(close(old, error, has_socket));
        assert_eq!(found, Some(reason), "{old} with error {error}");
    }
}

/// What icmp_err_convert (net/ipv4/icmp.c) and icmpv6_err_convert (net/ipv6/icmp.c) yield, but for ECONNREFUSED, and what
/// routes of the types prohibit, blackhole and throw yield.
#[test]
fn every_error_of_the_network_is_unreachable() {
    for error in [101, 113, 92, 90, 95, 112, 64, 13, 71, 100, 22, 11, 1] {
        for old in [State::SynSent, State::Established, State::FinWait1, State::LastAck, State::SynRecv] {
            assert_eq!(reason_of(close(old, error, true)), Some(Unreachable), "{old} with error {error}");
        }
        let soft = Transition { soft_error: error, ..close(State::SynSent, 0, true) };
        assert_eq!(reason_of(soft), Some(Unreachable), "soft error {error}");
    }
}

#[test]
fn an_icmp_error_that_came_during_connect_is_the_reason_even_if_the_process_has_read_it() {
    let begin = change(1, sock(SOCK, 7), State::Close, State::SynSent, CLIENT, SERVER);
    for (error, reason) in [(111, Refused), (113, Unreachable), (13, Unreachable)] {
        let events = [
            Event::Transition(begin),
            Event::SynError { sk: SOCK, error },
            Event::Transition(close(State::SynSent, 0, true)),
        ];
        assert_eq!(ending_after(&mut table(), &events).0, Some(reason));
    }
}

#[test]
fn a_connect_that_finds_no_port_has_its_reason_and_its_rows_in_order() {
    let id = sock(SOCK, 7);
    let begin = change(1, id, State::Close, State::SynSent, NOT_CHOSEN, SERVER);
    let end = Transition { connect_failed: true, local: NOT_CHOSEN, ..close(State::SynSent, 0, true) };
    let seen = rows(&mut table(), &[begin, end]);
    assert_eq!(steps(&seen), [(Some(State::Close), State::SynSent), (Some(State::SynSent), State::Close)]);
    assert_eq!((seen[1].close_reason, seen[1].local.port), (Some(NoPort), 0));
}

#[test]
fn an_rst_right_after_the_close_tells_who_ended_the_connection() {
    for (old, error, has_socket, reason) in [
        (State::Established, 0, true, ResetSent),
        (State::Established, 0, false, Aborted),
        (State::FinWait2, 0, true, ResetSent),
        (State::FinWait2, 0, false, ResetSent),
        (State::FinWait1, 0, false, ResetSent),
        // Data came after close(): `tcp_reset` is called, but this end sends the only RST.
        (State::FinWait1, 104, false, ResetSent),
        (State::CloseWait, 32, false, ResetSent),
        (State::LastAck, 0, true, ResetSent),
        (State::Closing, 0, true, ResetSent),
    ] {
        let mut table = table();
        let events = [Event::Transition(close(old, error, has_socket)), reset(1_020, SOCK, State::Close)];
        let seen = rows_of(&mut table, &events);
        let last = seen.last().unwrap();
        let ending = (last.close_reason, last.reset_cause);
        assert_eq!(ending, (Some(reason), Some("tcp_state")), "{old} with error {error}");
        assert_eq!(table.next_tick_ns(), None, "nothing waits");
    }
}

#[test]
fn a_process_that_is_interrupted_before_it_sends_its_rst_has_sent_it() {
    const LATE: u64 = 60_000_000;
    let reset_at = |at| reset(at, SOCK, State::Close);
    for (has_socket, reasons) in [(true, [].as_slice()), (false, &[Some(FinLocal)])] {
        let mut table = table();
        assert_eq!(rows_of(&mut table, &[Event::Transition(close(State::FinWait2, 0, has_socket))]), []);
        let released = waited(&mut table, LATE);
        assert_eq!(released.iter().map(|row| row.close_reason).collect::<Vec<_>>(), reasons);
        let late: Vec<_> =
            rows_of(&mut table, &[reset_at(LATE)]).iter().map(|row| row.close_reason).collect();
        assert_eq!(late, if has_socket { vec![Some(ResetSent)] } else { vec![] });
        assert_eq!(table.next_tick_ns(), None, "nothing waits");
    }
}

#[test]
fn an_rst_right_before_the_close_has_its_cause_in_the_row() {
    let established = change(1, sock(SOCK, 7), State::SynSent, State::Established, CLIENT, SERVER);
    for (error, reason) in [(103, Aborted), (110, Timeout), (0, ResetSent)] {
        let events = [
            Event::Transition(established),
            reset(990, SOCK, State::Established),
            Event::Transition(close(State::Established, error, true)),
        ];
        assert_eq!(ending_after(&mut table(), &events), (Some(reason), Some("tcp_state")));
    }
}

#[test]
fn an_rst_for_a_wrong_segment_of_a_handshake_does_not_end_the_connection() {
    let id = sock(SOCK, 7);
    let events = [
        Event::Transition(change(1, id, State::Close, State::SynSent, CLIENT, SERVER)),
        reset(10, SOCK, State::SynSent),
        Event::Transition(change(20, id, State::SynSent, State::Established, CLIENT, SERVER)),
        Event::Transition(close(State::Established, 104, true)),
    ];
    assert_eq!(ending_after(&mut table(), &events), (Some(ResetReceived), None));
}

#[test]
fn the_row_that_waits_for_an_rst_goes_out_before_the_socket_s_next_connection() {
    let begin = change(2_000, sock(SOCK, 7), State::Close, State::SynSent, CLIENT, SERVER);
    let seen = rows(&mut table(), &[close(State::Established, 0, true), begin]);
    assert_eq!(
        steps(&seen),
        [(Some(State::Established), State::Close), (Some(State::Close), State::SynSent)]
    );
}

#[test]
fn an_error_that_is_older_than_the_acknowledged_fin_is_not_the_reason() {
    let stale = Transition { fin_is_acknowledged: true, ..close(State::LastAck, 113, true) };
    assert_eq!(reason_of(stale), Some(FinRemote));
}

/// A half-open connection whose request socket is removed.
fn half_open(reset: Option<ResetSent>, end: Event) -> (Option<CloseReason>, Option<&'static str>) {
    let begin = [listen(5), created(100, REQUEST, State::SynRecv, SERVER, CLIENT)];
    let events = begin.into_iter().chain(reset.map(Event::ResetSent)).chain([end]);
    ending_after(&mut table(), &events.collect::<Vec<_>>())
}

fn removed_by(cause: Option<RemovalCause>, listener_has_closed: bool) -> Event {
    let Event::MinisockRemoved(minisock) = removed(900, REQUEST, State::SynRecv, cause.is_none()) else {
        unreachable!("removed() makes this event")
    };
    Event::MinisockRemoved(crate::model::MinisockRemoved { cause, listener_has_closed, ..minisock })
}

#[test]
fn a_half_open_connection_ends_by_what_removes_it() {
    for (cause, listener_has_closed, reason) in [
        (None, false, Timeout),
        (None, true, Aborted),
        (Some(RemovalCause::Segment), false, ResetReceived),
        (Some(RemovalCause::Icmp), false, Unreachable),
        (Some(RemovalCause::Administrator), false, Aborted),
        (Some(RemovalCause::ForeignSegment), true, Aborted),
    ] {
        let end = removed_by(cause, listener_has_closed);
        assert_eq!(half_open(None, end), (Some(reason), None), "{cause:?}");
    }
    assert_eq!(half_open(None, removed(900, REQUEST, State::SynRecv, false)), (Some(Unknown), None));
}

#[test]
fn a_half_open_connection_that_this_host_resets_is_known_by_its_endpoints() {
    let to = |remote| ResetSent {
        at: moment(890),
        sk: 2,
        state: State::Listen,
        half_open: Some(HalfOpenReset { local: SERVER, remote, netns: 1, bound_to: None, arrived_on: None }),
        cause: Some("invalid_syn"),
    };
    let end = || removed_by(Some(RemovalCause::Segment), false);
    assert_eq!(half_open(Some(to(CLIENT)), end()), (Some(ResetSent), Some("invalid_syn")));
    let other = Endpoint { port: CLIENT.port + 1, ..CLIENT };
    assert_eq!(half_open(Some(to(other)), end()), (Some(ResetReceived), None));
}

#[test]
fn repeated_syns_are_counted_until_the_state_is_left() {
    let id = sock(SOCK, 7);
    let again = Event::SynRetransmitted { sk: SOCK };
    let begin = Event::Transition(change(1, id, State::Close, State::SynSent, CLIENT, SERVER));
    let established = Event::Transition(change(9, id, State::SynSent, State::Established, CLIENT, SERVER));
    let mut last = close(State::Established, 104, true);
    last.at = moment(20);
    let events = [begin, again.clone(), again.clone(), established.clone(), again, Event::Transition(last)];
    let counts: Vec<_> = rows_of(&mut table(), &events).iter().map(|row| row.syn_retransmits).collect();
    assert_eq!(counts, [None, Some(2), None]);
    assert_eq!(rows_of(&mut table(), &[established])[0].syn_retransmits, None, "its beginning was not seen");
    let capabilities = SourceCapabilities { syn_retransmits: false, ..CAPABILITIES };
    let mut without = Table::new(TableOptions { capabilities, ..options() });
    assert!(rows_of(&mut without, &events).iter().all(|row| row.syn_retransmits.is_none()));
}

#[test]
fn an_attempt_that_failed_has_the_kernel_s_count_of_syns_and_no_statistics() {
    let kernel = KernelTcpStats { bytes_acked: 0, bytes_received: 0, rtt_us: None, retransmits: 3 };
    let end = Transition { kernel_tcp_stats: Some(kernel), ..close(State::SynSent, 110, true) };
    let seen = rows(&mut table(), &[end]);
    assert_eq!((seen[0].syn_retransmits, seen[0].tcp_stats), (Some(3), None));
}

#[test]
fn syn_acks_sent_again_are_in_the_row_that_leaves_syn_recv() {
    let child = sock(3, 71);
    let events = [
        created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
        Event::SynRetransmitted { sk: REQUEST },
        Event::Transition(change(200, child, State::Listen, State::SynRecv, SERVER, CLIENT)),
        removed(205, REQUEST, State::SynRecv, false),
        Event::Transition(change(210, child, State::SynRecv, State::Established, SERVER, CLIENT)),
    ];
    assert_eq!(rows_of(&mut table(), &events).last().unwrap().syn_retransmits, Some(1));
}
