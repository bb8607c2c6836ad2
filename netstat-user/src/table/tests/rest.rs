//! What is left of a closed connection: FIN_WAIT2 and TIME_WAIT in a timewait socket, and its end.

use super::{
    life::{REQUEST, made, start, stop},
    *,
};
use crate::model::{CloseReason, KernelTcpStats, MinisockCreated, Snapshot};

/// A timewait socket's address.
const REST: u64 = 60;

/// A timewait socket's timer starts, with a cookie.
fn rests(at: u64, cookie: u64) -> MinisockCreated {
    MinisockCreated {
        at: moment(at),
        sock: sock(REST, cookie),
        state: State::TimeWait,
        is_observation: false,
        family: Family::Ipv4,
        local: SERVER,
        remote: CLIENT,
        netns: 1,
        listener: None,
    }
}

/// A connection that rests from `at` on.
fn at_rest(table: &mut Table, at: u64, id: SockId) -> Vec<Row> {
    rows_of(
        table,
        &[
            made(at - 20, id, State::FinWait1, State::FinWait2),
            Event::MinisockCreated(rests(at - 5, id.cookie)),
            made(at, id, State::FinWait2, State::Close),
        ],
    )
}

#[test]
fn who_closes_first_goes_through_time_wait() {
    let (mut table, id) = (table(), sock(3, 71));
    let mut last = change(500, id, State::FinWait2, State::Close, SERVER, CLIENT);
    last.kernel_tcp_stats =
        Some(KernelTcpStats { bytes_acked: 101, bytes_received: 51, rtt_us: Some(30), retransmits: 2 });
    let seen = rows_of(
        &mut table,
        &[
            made(100, id, State::Listen, State::SynRecv),
            made(200, id, State::SynRecv, State::Established),
            made(300, id, State::Established, State::FinWait1),
            made(400, id, State::FinWait1, State::FinWait2),
            start(495, REST, State::TimeWait, SERVER, CLIENT),
            Event::Transition(last),
            stop(60_000_000_500, REST, State::TimeWait, true),
        ],
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
fn after_close_the_connection_waits_in_fin_wait2_without_its_socket() {
    let (mut table, id) = (table(), sock(3, 71));
    let seen = rows_of(
        &mut table,
        &[
            made(300, id, State::Established, State::FinWait1),
            made(400, id, State::FinWait1, State::FinWait2),
            start(405, REST, State::FinWait2, SERVER, CLIENT),
            made(410, id, State::FinWait2, State::Close),
            start(900, REST, State::TimeWait, SERVER, CLIENT),
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
fn the_segment_that_ends_a_time_wait_is_seen_after_that_and_does_not_bring_it_back() {
    let mut table = table();
    at_rest(&mut table, 100, sock(3, 71));
    let last = MinisockCreated { is_observation: true, ..rests(202, 71) };
    rows_of(&mut table, &[stop(200, REST, State::TimeWait, false), Event::MinisockCreated(last)]);
    let end = waited(&mut table, 10_000_000);
    assert_eq!(steps(&end), [(Some(State::TimeWait), State::Close)]);
    assert!(table.connections().is_empty());
}

#[test]
fn a_segment_tells_of_fin_wait2_to_time_wait_though_no_timer_moves() {
    let (mut table, id) = (table(), sock(3, 71));
    let waits = MinisockCreated { state: State::FinWait2, ..rests(95, 71) };
    let seen = MinisockCreated { is_observation: true, ..rests(300, 71) };
    let early = MinisockCreated { is_observation: true, ..rests(97, 71) };
    let before = [made(80, id, State::FinWait1, State::FinWait2), Event::MinisockCreated(waits)];
    rows_of(&mut table, &before);
    let rows = rows_of(
        &mut table,
        &[
            made(100, id, State::FinWait2, State::Close),
            Event::MinisockCreated(seen),
            Event::MinisockCreated(seen),
        ],
    );
    assert_eq!(steps(&rows), [(Some(State::FinWait2), State::TimeWait)]);

    let mut table = self::table();
    rows_of(&mut table, &before);
    let rows =
        rows_of(&mut table, &[Event::MinisockCreated(early), made(100, id, State::FinWait2, State::Close)]);
    assert_eq!(steps(&rows), [(Some(State::FinWait2), State::TimeWait)]);
}

#[test]
fn a_timer_that_is_moved_ends_nothing() {
    let mut table = table();
    at_rest(&mut table, 100, sock(3, 71));
    rows_of(&mut table, &[stop(200, REST, State::TimeWait, false), Event::MinisockCreated(rests(201, 71))]);
    assert_eq!(waited(&mut table, 10_000_000), []);
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn another_connection_between_the_same_ends_may_rest_at_the_same_address_at_once() {
    let mut table = table();
    let first = at_rest(&mut table, 100, sock(3, 71));
    rows_of(&mut table, &[stop(200, REST, State::TimeWait, false)]);
    let rows = at_rest(&mut table, 300, sock(4, 72));
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
fn what_begins_at_the_address_of_a_stopped_one_ends_it_as_it_ended() {
    let mut table = table();
    let first = at_rest(&mut table, 100, sock(3, 71));
    let rows = rows_of(
        &mut table,
        &[stop(200, REST, State::TimeWait, true), made(300, sock(REST, 72), State::Close, State::SynSent)],
    );
    assert_eq!(
        (rows[0].conn, rows[0].kind, rows[0].close_reason),
        (first[0].conn, RowKind::Transition, Some(CloseReason::Expired))
    );
}

#[test]
fn a_stop_ends_only_the_connection_that_was_stopped() {
    let (mut table, child) = (table(), sock(3, 71));
    let other = Endpoint { port: 9, ..CLIENT };
    rows_of(
        &mut table,
        &[
            start(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            stop(200, REQUEST, State::SynRecv, false),
            made(201, child, State::Listen, State::SynRecv),
            start(300, REQUEST, State::SynRecv, SERVER, other),
        ],
    );
    assert_eq!(waited(&mut table, 10_000_000), []);
    assert_eq!(table.connections().len(), 2);
}

#[test]
fn the_end_of_a_time_wait_leaves_the_half_open_connection_that_took_it_over() {
    let (mut table, child) = (table(), sock(4, 72));
    at_rest(&mut table, 100, sock(3, 71));
    let half_open = rows_of(
        &mut table,
        &[stop(200, REST, State::TimeWait, false), start(300, REQUEST, State::SynRecv, SERVER, CLIENT)],
    );
    assert_eq!(steps(&waited(&mut table, 10_000_000)), [(Some(State::TimeWait), State::Close)]);
    let rows = rows_of(
        &mut table,
        &[
            made(20_000_000, child, State::Listen, State::SynRecv),
            stop(20_000_001, REQUEST, State::SynRecv, false),
            made(20_000_002, child, State::SynRecv, State::Established),
        ],
    );
    assert_eq!(steps(&rows), [(Some(State::SynRecv), State::Established)]);
    assert_eq!(rows[0].conn, half_open[0].conn);
    assert_eq!(waited(&mut table, 40_000_000), []);
}

/// A connection that rests right after its handshake: where its child showed the listener's ends, its request socket is
/// still on its way out.
fn at_rest_at_once(table: &mut Table, id: SockId) -> Vec<Row> {
    let anybody = Endpoint { addr: NOT_KNOWN.addr, port: SERVER.port };
    let born = change(110, sock(id.sk, 0), State::Listen, State::SynRecv, anybody, NOT_KNOWN);
    rows_of(
        table,
        &[
            start(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            Event::Transition(born),
            stop(120, REQUEST, State::SynRecv, false),
            made(130, id, State::SynRecv, State::Established),
        ],
    );
    at_rest(table, 200, id)
}

#[test]
fn the_end_of_a_handshake_is_not_taken_for_that_of_a_time_wait_soon_after() {
    let mut table = table();
    let first = at_rest_at_once(&mut table, sock(3, 71));
    rows_of(&mut table, &[stop(300, REST, State::TimeWait, false)]);
    let rows = at_rest(&mut table, 400, sock(4, 72));
    let end = rows.iter().find(|row| row.conn == first[0].conn).unwrap();
    assert_eq!((end.new_state, end.kind), (State::Close, RowKind::Transition));
}

#[test]
fn a_timer_that_is_moved_soon_after_the_handshake_ends_nothing() {
    let mut table = table();
    at_rest_at_once(&mut table, sock(3, 71));
    rows_of(&mut table, &[stop(300, REST, State::TimeWait, false), Event::MinisockCreated(rests(301, 71))]);
    assert_eq!(waited(&mut table, 10_000_000), []);
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn a_look_that_misses_a_stopped_one_leaves_its_end_to_it() {
    let mut table = table();
    let look = |at| Snapshot {
        started: moment(at),
        finished: moment(at + 100_000),
        netns_covered: vec![1],
        ..Snapshot::default()
    };
    assert_eq!(table.merge(&look(0), &mut |row| panic!("{row:?}")), Merged::Complete);
    at_rest(&mut table, 1_000_000, sock(3, 71));
    table.expect_snapshot();
    rows_of(&mut table, &[stop(5_000_000_100, REST, State::TimeWait, false)]);
    assert_eq!(table.merge(&look(5_000_000_000), &mut |row| panic!("{row:?}")), Merged::Complete);
    let end = waited(&mut table, 5_010_000_000);
    assert_eq!(
        (steps(&end), end[0].kind),
        (vec![(Some(State::TimeWait), State::Close)], RowKind::Transition)
    );
}

#[test]
fn an_mptcp_connection_has_none_of_its_subflow_s_minisockets() {
    let (mut table, subflow) = (table(), sock(3, 71));
    let above = |at, old, new| {
        let change = change(at, sock(4, 72), old, new, SERVER, CLIENT);
        Event::Transition(Transition { protocol: Protocol::Mptcp, ..change })
    };
    let seen = rows_of(
        &mut table,
        &[
            start(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            above(110, State::Listen, State::Established),
            above(111, State::Established, State::FinWait1),
            made(120, subflow, State::Listen, State::SynRecv),
            made(130, subflow, State::SynRecv, State::Established),
            made(200, subflow, State::Established, State::FinWait2),
            start(210, REST, State::TimeWait, SERVER, CLIENT),
            above(215, State::FinWait1, State::Close),
            made(220, subflow, State::FinWait2, State::Close),
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
