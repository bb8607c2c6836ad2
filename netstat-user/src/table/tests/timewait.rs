//! Timewait sockets: FIN_WAIT2 and TIME_WAIT after close(), and their end.

use super::{
    half_open::{REQUEST, created, removed, transition},
    *,
};
use crate::model::{CloseReason, KernelTcpStats, MinisockCreated, Snapshot};

/// A timewait socket's address.
const TIMEWAIT: u64 = 60;

/// A timewait socket's timer starts, with a cookie.
fn timewait_socket(at: u64, cookie: u64) -> MinisockCreated {
    MinisockCreated {
        at: moment(at),
        sock: sock(TIMEWAIT, cookie),
        state: State::TimeWait,
        is_observation: false,
        family: Family::Ipv4,
        local: SERVER,
        remote: CLIENT,
        netns: 1,
        listener: None,
        interface: None,
    }
}

/// A connection that is in TIME_WAIT from `at` on.
fn timewait(table: &mut Table, at: u64, id: SockId) -> Vec<Row> {
    rows_of(
        table,
        &[
            transition(at - 20, id, State::FinWait1, State::FinWait2),
            Event::MinisockCreated(timewait_socket(at - 5, id.cookie)),
            transition(at, id, State::FinWait2, State::Close),
        ],
    )
}

/// A server's connection up to FIN_WAIT2.
fn until_fin_wait2(id: SockId) -> [Event; 4] {
    [
        transition(100, id, State::Listen, State::SynRecv),
        transition(200, id, State::SynRecv, State::Established),
        transition(300, id, State::Established, State::FinWait1),
        transition(400, id, State::FinWait1, State::FinWait2),
    ]
}

#[test]
fn the_end_that_closes_first_goes_through_time_wait() {
    let (mut table, id) = (table(), sock(3, 71));
    let mut last = change(500, id, State::FinWait2, State::Close, SERVER, CLIENT);
    last.kernel_tcp_stats =
        Some(KernelTcpStats { bytes_acked: 101, bytes_received: 51, rtt_us: Some(30), retransmits: 2 });
    let seen = rows_of(
        &mut table,
        &[
            until_fin_wait2(id).as_slice(),
            &[
                created(495, TIMEWAIT, State::TimeWait, SERVER, CLIENT),
                Event::Transition(last),
                removed(60_000_000_500, TIMEWAIT, State::TimeWait, true),
            ],
        ]
        .concat(),
    );
    let row = seen.last().unwrap();
    assert_eq!((row.old_state, row.new_state), (Some(State::FinWait2), State::TimeWait));
    assert_eq!(row.close_reason, Some(CloseReason::FinLocal));
    let tcp_stats = row.tcp_stats.unwrap();
    assert_eq!((tcp_stats.bytes_sent, tcp_stats.bytes_received, tcp_stats.retransmits), (Some(100), 50, 2));
    let end = waited(&mut table, 70_000_000_000);
    assert_eq!(steps(&end), [(Some(State::TimeWait), State::Close)]);
    assert_eq!(
        (end[0].close_reason, end[0].state_ns, end[0].conn),
        (Some(CloseReason::Expired), Some(60_000_000_000), row.conn)
    );
    assert!(table.connections().is_empty());
}

#[test]
fn after_close_a_timewait_socket_represents_the_connection_in_fin_wait2() {
    let (mut table, id) = (table(), sock(3, 71));
    let seen = rows_of(
        &mut table,
        &[
            transition(300, id, State::Established, State::FinWait1),
            transition(400, id, State::FinWait1, State::FinWait2),
            created(405, TIMEWAIT, State::FinWait2, SERVER, CLIENT),
            transition(410, id, State::FinWait2, State::Close),
            created(900, TIMEWAIT, State::TimeWait, SERVER, CLIENT),
        ],
    );
    assert_eq!(
        steps(&seen)[1..],
        [(Some(State::FinWait1), State::FinWait2), (Some(State::FinWait2), State::TimeWait)]
    );
    assert_eq!(seen[2].state_ns, Some(500));
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn a_connection_that_ends_in_fin_wait2_after_close_has_its_numbers() {
    let (mut table, id) = (table(), sock(3, 71));
    let mut last = change(410, id, State::FinWait2, State::Close, SERVER, CLIENT);
    last.kernel_tcp_stats =
        Some(KernelTcpStats { bytes_acked: 101, bytes_received: 50, rtt_us: Some(30), retransmits: 2 });
    rows_of(
        &mut table,
        &[
            until_fin_wait2(id).as_slice(),
            &[
                created(405, TIMEWAIT, State::FinWait2, SERVER, CLIENT),
                Event::Transition(last),
                removed(60_000_000_000, TIMEWAIT, State::FinWait2, true),
            ],
        ]
        .concat(),
    );
    let end = waited(&mut table, 70_000_000_000);
    assert_eq!(end[0].close_reason, Some(CloseReason::Timeout));
    let numbers = end[0].tcp_stats.map(|stats| (stats.bytes_sent, stats.bytes_received, stats.retransmits));
    assert_eq!(numbers, Some((Some(100), 50, 2)));
}

#[test]
fn a_segment_observed_after_the_end_of_a_time_wait_does_not_revive_it() {
    let mut table = table();
    timewait(&mut table, 100, sock(3, 71));
    let last = MinisockCreated { is_observation: true, ..timewait_socket(202, 71) };
    rows_of(&mut table, &[removed(200, TIMEWAIT, State::TimeWait, false), Event::MinisockCreated(last)]);
    let end = waited(&mut table, 10_000_000);
    assert_eq!(steps(&end), [(Some(State::TimeWait), State::Close)]);
    assert!(table.connections().is_empty());
}

#[test]
fn an_observed_segment_shows_fin_wait2_to_time_wait_without_a_timer() {
    let (mut table, id) = (table(), sock(3, 71));
    let waits = MinisockCreated { state: State::FinWait2, ..timewait_socket(95, 71) };
    let seen = MinisockCreated { is_observation: true, ..timewait_socket(300, 71) };
    let early = MinisockCreated { is_observation: true, ..timewait_socket(97, 71) };
    let before = [transition(80, id, State::FinWait1, State::FinWait2), Event::MinisockCreated(waits)];
    rows_of(&mut table, &before);
    let rows = rows_of(
        &mut table,
        &[
            transition(100, id, State::FinWait2, State::Close),
            Event::MinisockCreated(seen),
            Event::MinisockCreated(seen),
        ],
    );
    assert_eq!(steps(&rows), [(Some(State::FinWait2), State::TimeWait)]);

    let mut table = self::table();
    rows_of(&mut table, &before);
    let rows = rows_of(
        &mut table,
        &[Event::MinisockCreated(early), transition(100, id, State::FinWait2, State::Close)],
    );
    assert_eq!(steps(&rows), [(Some(State::FinWait2), State::TimeWait)]);
}

#[test]
fn a_timer_that_is_moved_does_not_end_the_connection() {
    let mut table = table();
    timewait(&mut table, 100, sock(3, 71));
    rows_of(
        &mut table,
        &[removed(200, TIMEWAIT, State::TimeWait, false), Event::MinisockCreated(timewait_socket(201, 71))],
    );
    assert_eq!(waited(&mut table, 10_000_000), []);
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn another_connection_with_the_same_tuple_may_get_the_same_timewait_address_at_once() {
    let mut table = table();
    let first = timewait(&mut table, 100, sock(3, 71));
    rows_of(&mut table, &[removed(200, TIMEWAIT, State::TimeWait, false)]);
    let rows = timewait(&mut table, 300, sock(4, 72));
    let of_first: Vec<_> = rows.iter().filter(|row| row.conn == first[0].conn).copied().collect();
    assert_eq!(steps(&of_first), [(Some(State::TimeWait), State::Close)]);
    assert_eq!(of_first[0].kind, RowKind::Transition);
    assert_eq!(
        rows.last().map(|row| (row.new_state, row.kind)),
        Some((State::TimeWait, RowKind::Transition))
    );
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn a_new_socket_at_a_removed_minisocket_s_address_ends_that_connection_with_its_reason() {
    let mut table = table();
    let first = timewait(&mut table, 100, sock(3, 71));
    let rows = rows_of(
        &mut table,
        &[
            removed(200, TIMEWAIT, State::TimeWait, true),
            transition(300, sock(TIMEWAIT, 72), State::Close, State::SynSent),
        ],
    );
    assert_eq!(
        (rows[0].conn, rows[0].kind, rows[0].close_reason),
        (first[0].conn, RowKind::Transition, Some(CloseReason::Expired))
    );
}

#[test]
fn a_removed_timer_ends_only_its_own_connection() {
    let (mut table, child) = (table(), sock(3, 71));
    let other = Endpoint { port: 9, ..CLIENT };
    rows_of(
        &mut table,
        &[
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            removed(200, REQUEST, State::SynRecv, false),
            transition(201, child, State::Listen, State::SynRecv),
            created(300, REQUEST, State::SynRecv, SERVER, other),
        ],
    );
    assert_eq!(waited(&mut table, 10_000_000), []);
    assert_eq!(table.connections().len(), 2);
}

#[test]
fn the_end_of_a_time_wait_does_not_end_the_half_open_connection_that_replaced_it() {
    let (mut table, child) = (table(), sock(4, 72));
    timewait(&mut table, 100, sock(3, 71));
    let half_open = rows_of(
        &mut table,
        &[
            removed(200, TIMEWAIT, State::TimeWait, false),
            created(300, REQUEST, State::SynRecv, SERVER, CLIENT),
        ],
    );
    assert_eq!(steps(&waited(&mut table, 10_000_000)), [(Some(State::TimeWait), State::Close)]);
    let rows = rows_of(
        &mut table,
        &[
            transition(20_000_000, child, State::Listen, State::SynRecv),
            removed(20_000_001, REQUEST, State::SynRecv, false),
            transition(20_000_002, child, State::SynRecv, State::Established),
        ],
    );
    assert_eq!(steps(&rows), [(Some(State::SynRecv), State::Established)]);
    assert_eq!(rows[0].conn, half_open[0].conn);
    assert_eq!(waited(&mut table, 40_000_000), []);
}

/// A connection that enters TIME_WAIT right after its handshake. Its child had the listener's endpoints at
/// LISTEN→SYN_RECV, so its request socket's removal is not certain yet.
fn timewait_after_handshake(table: &mut Table, id: SockId) -> Vec<Row> {
    let listener = Endpoint { addr: NOT_KNOWN.addr, port: SERVER.port };
    let child_created = change(110, sock(id.sk, 0), State::Listen, State::SynRecv, listener, NOT_KNOWN);
    rows_of(
        table,
        &[
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            Event::Transition(child_created),
            removed(120, REQUEST, State::SynRecv, false),
            transition(130, id, State::SynRecv, State::Established),
        ],
    );
    timewait(table, 200, id)
}

#[test]
fn the_end_of_a_request_socket_does_not_end_a_time_wait_at_the_same_address() {
    let mut table = table();
    let first = timewait_after_handshake(&mut table, sock(3, 71));
    rows_of(&mut table, &[removed(300, TIMEWAIT, State::TimeWait, false)]);
    let rows = timewait(&mut table, 400, sock(4, 72));
    let end = rows.iter().find(|row| row.conn == first[0].conn).unwrap();
    assert_eq!((end.new_state, end.kind), (State::Close, RowKind::Transition));
}

#[test]
fn a_timer_that_is_moved_soon_after_the_handshake_does_not_end_the_connection() {
    let mut table = table();
    timewait_after_handshake(&mut table, sock(3, 71));
    rows_of(
        &mut table,
        &[removed(300, TIMEWAIT, State::TimeWait, false), Event::MinisockCreated(timewait_socket(301, 71))],
    );
    assert_eq!(waited(&mut table, 10_000_000), []);
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn a_snapshot_without_a_removed_minisocket_does_not_end_it_twice() {
    let mut table = table();
    let empty_snapshot = |at| Snapshot {
        started: moment(at),
        finished: moment(at + 100_000),
        netns_covered: vec![1],
        ..Snapshot::default()
    };
    assert_eq!(table.merge(&empty_snapshot(0), &mut |row| panic!("{row:?}")), Merged::Complete);
    timewait(&mut table, 1_000_000, sock(3, 71));
    table.expect_snapshot();
    rows_of(&mut table, &[removed(5_000_000_100, TIMEWAIT, State::TimeWait, false)]);
    assert_eq!(table.merge(&empty_snapshot(5_000_000_000), &mut |row| panic!("{row:?}")), Merged::Complete);
    let end = waited(&mut table, 5_010_000_000);
    assert_eq!(
        (steps(&end), end[0].kind),
        (vec![(Some(State::TimeWait), State::Close)], RowKind::Transition)
    );
}

#[test]
fn an_mptcp_connection_does_not_take_its_subflow_s_minisockets() {
    let (mut table, subflow) = (table(), sock(3, 71));
    let above = |at, old, new| {
        let change = change(at, sock(4, 72), old, new, SERVER, CLIENT);
        Event::Transition(Transition { protocol: Protocol::Mptcp, ..change })
    };
    let seen = rows_of(
        &mut table,
        &[
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            above(110, State::Listen, State::Established),
            above(111, State::Established, State::FinWait1),
            transition(120, subflow, State::Listen, State::SynRecv),
            transition(130, subflow, State::SynRecv, State::Established),
            transition(200, subflow, State::Established, State::FinWait2),
            created(210, TIMEWAIT, State::TimeWait, SERVER, CLIENT),
            above(215, State::FinWait1, State::Close),
            transition(220, subflow, State::FinWait2, State::Close),
        ],
    );
    let (above, subflow): (Vec<Row>, Vec<Row>) =
        seen.into_iter().partition(|row| row.protocol == Protocol::Mptcp);
    let states = |rows: &[Row]| rows.iter().map(|row| row.new_state).collect::<Vec<_>>();
    assert_eq!(states(&above), [State::Established, State::FinWait1, State::Close]);
    assert_eq!(states(&subflow), [State::SynRecv, State::Established, State::FinWait2, State::TimeWait]);
    for rows in [above, subflow] {
        assert!(rows.iter().all(|row| row.conn == rows[0].conn), "{rows:?}");
    }
}
