//! The table compared with snapshots of all sockets.

use super::{
    half_open::{REQUEST, created, removed, transition},
    *,
};
use crate::model::{Holder, MinisockCreated, RowKind, SETTLE_NS, Snapshot, SnapshotKind, SnapshotSocket};

const LATER: u64 = 5_000_000_000;

fn found(at: u64, sock: SockId, state: State) -> SnapshotSocket {
    SnapshotSocket {
        at: moment(at),
        sock,
        family: Family::Ipv4,
        protocol: Protocol::Tcp,
        state,
        local: CLIENT,
        remote: SERVER,
        netns: 1,
        listener: None,
        cgroup: None,
        has_socket: true,
        is_minisock: false,
        interface: None,
    }
}

/// A minisocket on the server.
fn found_minisock(at: u64, sk: u64, state: State) -> SnapshotSocket {
    SnapshotSocket {
        local: SERVER,
        remote: CLIENT,
        has_socket: false,
        is_minisock: true,
        ..found(at, sock(sk, 0), state)
    }
}

pub(super) fn full(at: u64, sockets: Vec<SnapshotSocket>, holders: Vec<Holder>) -> Snapshot {
    Snapshot {
        kind: SnapshotKind::Full,
        started: moment(at),
        finished: moment(at + 10),
        sockets,
        holders,
        netns_covered: vec![1],
        netns_unread: Vec::new(),
    }
}

fn merge(table: &mut Table, snapshot: &Snapshot) -> (Vec<Row>, Merged) {
    let mut rows = Vec::new();
    let merged = table.merge(snapshot, &mut |row| rows.push(*row));
    (rows, merged)
}

/// The rows of a merge that is complete.
fn merged(table: &mut Table, snapshot: &Snapshot) -> Vec<Row> {
    let (rows, merged) = merge(table, snapshot);
    assert_eq!(merged, Merged::Complete);
    rows
}

fn holder(sk: u64, pid: u32) -> Holder {
    Holder { sk, owner: process(pid, OwnerHow::Scan).unwrap() }
}

#[test]
fn a_connection_that_is_older_than_the_trace_is_existing_with_its_owner() {
    let mut table = table();
    let snapshot = full(LATER, vec![found(LATER, sock(1, 7), State::Established)], vec![holder(1, 12)]);
    let rows = merged(&mut table, &snapshot);
    assert_eq!((rows.len(), rows[0].kind, rows[0].new_state), (1, RowKind::Existing, State::Established));
    assert_eq!((rows[0].old_state, rows[0].owner), (None, process(12, OwnerHow::Scan)));
    assert_eq!(
        merged(&mut table, &full(2 * LATER, vec![found(2 * LATER, sock(1, 7), State::Established)], vec![])),
        []
    );
}

#[test]
fn a_connection_that_changed_since_the_start_is_existing_in_the_state_that_it_left() {
    let mut table = table();
    rows(&mut table, &[change(LATER - 5, sock(1, 7), State::Established, State::FinWait1, CLIENT, SERVER)]);
    let rows = merged(&mut table, &full(LATER, vec![found(LATER, sock(1, 7), State::Established)], vec![]));
    assert_eq!((rows.len(), rows[0].kind, rows[0].new_state), (1, RowKind::Existing, State::Established));
}

#[test]
fn a_connection_first_seen_in_syn_sent_is_outbound() {
    let met = change(LATER, sock(1, 7), State::SynSent, State::Established, CLIENT, SERVER);
    assert_eq!(rows(&mut table(), &[met])[0].direction, Some(Direction::Outbound));
}

#[test]
fn a_snapshot_entry_does_not_revive_a_connection_that_has_closed_since() {
    let mut table = table();
    table.expect_snapshot();
    rows(
        &mut table,
        &[
            change(LATER, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER),
            change(LATER + 5, sock(1, 7), State::SynSent, State::Close, CLIENT, SERVER),
        ],
    );
    assert_eq!(
        merged(&mut table, &full(LATER, vec![found(LATER + 2, sock(1, 7), State::SynSent)], vec![])),
        []
    );
    assert!(table.connections().is_empty());
}

#[test]
fn a_snapshot_entry_does_not_revive_a_request_socket_whose_handshake_has_ended_since() {
    for knows_the_syn in [true, false] {
        let (mut table, child) = (table(), sock(3, 71));
        table.expect_snapshot();
        let syn = created(LATER, REQUEST, State::SynRecv, SERVER, CLIENT);
        let handshake = [
            transition(LATER + 20, child, State::Listen, State::SynRecv),
            removed(LATER + 25, REQUEST, State::SynRecv, false),
            transition(LATER + 30, child, State::SynRecv, State::Established),
        ];
        rows_of(&mut table, &[&[syn][..usize::from(knows_the_syn)], &handshake].concat());
        let seen = found_minisock(LATER + 10, REQUEST, State::SynRecv);
        assert_eq!(merged(&mut table, &full(LATER, vec![seen], vec![])), []);
        assert_eq!((table.connections().len(), table.half_open.len()), (1, 0));
    }
}

#[test]
fn a_timewait_socket_that_ends_during_the_snapshot_is_not_found_and_one_whose_timer_restarts_is() {
    let timewait = 60;
    for restarts in [false, true] {
        let mut table = table();
        table.expect_snapshot();
        let again = created(LATER + 6, timewait, State::TimeWait, SERVER, CLIENT);
        let removed = removed(LATER + 5, timewait, State::TimeWait, false);
        rows_of(&mut table, &[&[removed][..], &[again][..usize::from(restarts)]].concat());
        let seen = found_minisock(LATER + 2, timewait, State::TimeWait);
        let rows = merged(&mut table, &full(LATER, vec![seen], vec![]));
        assert_eq!(
            rows.iter().map(|row| row.kind).collect::<Vec<_>>(),
            vec![RowKind::Existing; usize::from(restarts)]
        );
    }
}

#[test]
fn an_existing_timewait_socket_that_enters_time_wait_during_the_snapshot_has_a_row_for_it() {
    let timewait = 60;
    let seen = |at, state, is_observation| match created(at, timewait, state, SERVER, CLIENT) {
        Event::MinisockCreated(start) => Event::MinisockCreated(MinisockCreated { is_observation, ..start }),
        other => other,
    };
    // The full socket may have closed before the trace started, and the timer started after.
    let in_fin_wait2 = seen(LATER + 1, State::FinWait2, false);
    for (before, is_observation) in [(None, false), (None, true), (Some(in_fin_wait2), true)] {
        let mut table = table();
        table.expect_snapshot();
        let events: Vec<Event> =
            before.into_iter().chain([seen(LATER + 5, State::TimeWait, is_observation)]).collect();
        rows_of(&mut table, &events);
        let snapshot = full(LATER, vec![found_minisock(LATER + 2, timewait, State::FinWait2)], vec![]);
        let rows = merged(&mut table, &snapshot);
        assert_eq!(steps(&rows), [(None, State::FinWait2), (Some(State::FinWait2), State::TimeWait)]);
        assert_eq!((rows[1].conn, rows[1].at), (rows[0].conn, moment(LATER + 5)));
    }
}

#[test]
fn an_existing_timewait_socket_that_enters_time_wait_after_the_snapshot_has_a_row_for_it() {
    let (mut table, timewait) = (table(), 60);
    table.expect_snapshot();
    rows_of(&mut table, &[created(LATER + 1, timewait, State::FinWait2, SERVER, CLIENT)]);
    merged(&mut table, &full(LATER, vec![found_minisock(LATER + 2, timewait, State::FinWait2)], vec![]));
    let Event::MinisockCreated(seen) = created(LATER + 20, timewait, State::TimeWait, SERVER, CLIENT) else {
        panic!("it is created")
    };
    let rows =
        rows_of(&mut table, &[Event::MinisockCreated(MinisockCreated { is_observation: true, ..seen })]);
    assert_eq!(steps(&rows), [(Some(State::FinWait2), State::TimeWait)]);
}

#[test]
fn a_known_timewait_socket_whose_timer_restarts_during_the_snapshot_is_compared_with_it() {
    let (mut table, id, timewait) = (table(), sock(3, 71), 60);
    merged(&mut table, &full(1, vec![], vec![]));
    rows_of(
        &mut table,
        &[
            transition(100, id, State::FinWait1, State::FinWait2),
            created(110, timewait, State::FinWait2, SERVER, CLIENT),
            transition(120, id, State::FinWait2, State::Close),
        ],
    );
    table.expect_snapshot();
    let moved = [
        removed(LATER, timewait, State::FinWait2, false),
        created(LATER + 1, timewait, State::FinWait2, SERVER, CLIENT),
    ];
    assert_eq!(rows_of(&mut table, &moved), []);
    let snapshot = full(LATER, vec![found_minisock(LATER + 5, timewait, State::TimeWait)], vec![]);
    assert_eq!(steps(&merged(&mut table, &snapshot)), [(Some(State::FinWait2), State::TimeWait)]);
}

#[test]
fn missed_transitions_are_repaired_and_stale_connections_end() {
    let mut table = table();
    merged(&mut table, &full(1, vec![], vec![]));
    rows(
        &mut table,
        &[
            change(10, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER),
            change(20, sock(2, 8), State::Close, State::SynSent, CLIENT, SERVER),
        ],
    );
    let mut rows =
        merged(&mut table, &full(LATER, vec![found(LATER, sock(1, 7), State::Established)], vec![]));
    rows.sort_by_key(|row| row.conn);
    assert!(rows.iter().all(|row| row.kind == RowKind::Repaired));
    assert_eq!(
        steps(&rows),
        [(Some(State::SynSent), State::Established), (Some(State::SynSent), State::Close)]
    );
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn a_local_port_whose_event_was_lost_is_learned_from_the_snapshot() {
    let (mut table, nowhere) = (table(), Endpoint { port: 0, ..CLIENT });
    rows(&mut table, &[change(10, sock(1, 7), State::Close, State::SynSent, nowhere, SERVER)]);
    let repaired =
        merged(&mut table, &full(LATER, vec![found(LATER, sock(1, 7), State::Established)], vec![]));
    let established = repaired.last().unwrap();
    assert_eq!((established.new_state, established.local), (State::Established, CLIENT));
}

#[test]
fn an_entry_that_may_be_older_than_the_last_event_repairs_nothing() {
    // The hook runs before the change: a snapshot may show the old state, the closed socket, or not the new one yet.
    let events = [
        change(10, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER),
        change(20, sock(3, 9), State::CloseWait, State::LastAck, SERVER, CLIENT),
        change(LATER, sock(1, 7), State::SynSent, State::Established, CLIENT, SERVER),
        change(LATER, sock(2, 8), State::Listen, State::SynRecv, SERVER, CLIENT),
        change(LATER, sock(3, 9), State::LastAck, State::Close, SERVER, CLIENT),
    ];
    let snapshot = |at| {
        let sockets = vec![found(at, sock(1, 7), State::SynSent), found(at, sock(3, 9), State::LastAck)];
        full(at, sockets, vec![])
    };
    let mut table = table();
    merged(&mut table, &full(1, vec![], vec![]));
    rows(&mut table, &events);
    table.expect_snapshot();
    assert_eq!(merged(&mut table, &snapshot(LATER + SETTLE_NS - 1)), []);
    table.expect_snapshot();
    let repaired = merged(&mut table, &snapshot(LATER + SETTLE_NS + 1));
    assert!(repaired.iter().all(|row| row.kind == RowKind::Repaired), "{repaired:#?}");
    assert_eq!(
        steps(&repaired),
        [
            (Some(State::Established), State::SynSent),
            (None, State::LastAck),
            (Some(State::SynRecv), State::Close),
        ]
    );
}

#[test]
fn a_request_socket_whose_removal_has_not_been_seen_yet_is_not_revived() {
    let mut table = table();
    table.expect_snapshot();
    let handshake = [
        created(LATER, REQUEST, State::SynRecv, SERVER, CLIENT),
        transition(LATER + 20, sock(3, 71), State::Listen, State::SynRecv),
    ];
    rows_of(&mut table, &handshake);
    let seen = found_minisock(LATER + 900_000_000, REQUEST, State::SynRecv);
    assert_eq!(merged(&mut table, &full(LATER, vec![seen], vec![])), []);
    assert_eq!(rows_of(&mut table, &[removed(LATER + 1_000_000_000, REQUEST, State::SynRecv, false)]), []);
}

#[test]
fn a_connection_whose_timewait_socket_is_found_before_its_full_socket_closes_is_one() {
    let (mut table, id, timewait, later) = (table(), sock(3, 71), 60, 3 * LATER);
    merged(&mut table, &full(1, vec![], vec![]));
    rows_of(&mut table, &[transition(LATER, id, State::FinWait1, State::FinWait2)]);
    table.expect_snapshot();
    rows_of(&mut table, &[created(later, timewait, State::TimeWait, SERVER, CLIENT)]);
    let seen = found_minisock(later + 5, timewait, State::TimeWait);
    assert_eq!(merged(&mut table, &full(later + 1, vec![seen], vec![])), []);
    let closes = rows_of(&mut table, &[transition(later + 20, id, State::FinWait2, State::Close)]);
    assert_eq!(steps(&closes), [(Some(State::FinWait2), State::TimeWait)]);
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn a_connecting_socket_without_a_port_is_not_stale_and_its_row_is_never_lost() {
    let mut table = table();
    let nowhere = Endpoint { port: 0, ..CLIENT };
    rows(&mut table, &[change(LATER, sock(1, 7), State::Close, State::SynSent, nowhere, SERVER)]);
    assert_eq!(merged(&mut table, &full(LATER + 20_000_000, vec![], vec![])), []);
    let ended = merged(&mut table, &full(2 * LATER, vec![], vec![]));
    assert_eq!(
        ended.iter().map(|row| (row.kind, row.new_state)).collect::<Vec<_>>(),
        [(RowKind::Transition, State::SynSent), (RowKind::Repaired, State::Close)]
    );
}

#[test]
fn connections_of_uncovered_namespaces_and_of_mptcp_are_not_stale() {
    let mut table = table();
    merged(&mut table, &full(1, vec![], vec![]));
    let mut elsewhere = change(10, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER);
    elsewhere.netns = Some(2);
    let mut mptcp = change(10, sock(2, 8), State::Close, State::SynSent, CLIENT, SERVER);
    mptcp.protocol = Protocol::Mptcp;
    rows(&mut table, &[elsewhere, mptcp]);
    assert_eq!(merged(&mut table, &full(LATER, vec![], vec![])), []);
}

#[test]
fn an_owner_that_no_longer_holds_the_socket_is_replaced_and_one_of_several_holders_is_kept() {
    let mut table = table();
    let mut connect = change(10, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER);
    connect.process = process(30, OwnerHow::Connect);
    rows(&mut table, &[connect]);
    let mut owner_after = |holders| {
        table.learn_holders(&full(LATER, vec![], holders));
        table.connections[&1].owner().map(|owner| owner.pid)
    };
    assert_eq!(owner_after(vec![holder(1, 20), holder(1, 30)]), Some(30));
    assert_eq!(owner_after(vec![holder(1, 20)]), Some(20));
}

#[test]
fn an_entry_that_may_be_outdated_is_ignored_and_the_snapshot_is_incomplete() {
    let mut table = table();
    table.tombstones = Tombstones::bounded(2);
    table.expect_snapshot();
    for key in 1..=3 {
        let at = LATER + key * 100_000_000;
        let made = change(at, sock(key, key), State::Close, State::SynSent, CLIENT, SERVER);
        let closed = change(at, sock(key, key), State::SynSent, State::Close, CLIENT, SERVER);
        rows(&mut table, &[made, closed]);
    }
    let (first, last) = (LATER, LATER + 2_000_000_000);
    let snapshot = full(
        LATER,
        vec![
            // This one has closed, and the table has forgotten that.
            found(first, sock(1, 1), State::SynSent),
            found(first, sock(5, 5), State::Established),
            found(last, sock(6, 6), State::Established),
        ],
        vec![],
    );
    let (rows, merged) = merge(&mut table, &snapshot);
    assert_eq!(merged, Merged::Incomplete);
    assert_eq!(rows.iter().map(|row| row.kind).collect::<Vec<_>>(), [RowKind::Existing], "only the last one");
    // The next snapshot has the rest.
    table.expect_snapshot();
    let (fifth, sixth) = (sock(5, 5), sock(6, 6));
    let again = vec![found(2 * last, fifth, State::Established), found(2 * last, sixth, State::Established)];
    let rows = self::merged(&mut table, &full(2 * last, again, vec![]));
    assert_eq!(rows.iter().map(|row| row.kind).collect::<Vec<_>>(), [RowKind::Existing]);
    assert_eq!(table.connections().len(), 2);
}

#[test]
fn after_a_failed_snapshot_no_tombstone_counts() {
    let mut table = table();
    table.expect_snapshot();
    let closes = |at| {
        [
            change(at, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER),
            change(at, sock(1, 7), State::SynSent, State::Close, CLIENT, SERVER),
        ]
    };
    rows(&mut table, &closes(LATER));
    assert!(table.tombstones.is_closed_since(1, moment(LATER)));
    table.snapshot_failed();
    assert!(!table.tombstones.is_closed_since(1, moment(LATER)));
    rows(&mut table, &closes(LATER + 1));
    assert!(!table.tombstones.is_closed_since(1, moment(LATER)));
}

#[test]
fn existing_connections_beyond_the_limit_are_counted_once() {
    let mut table = Table::new(TableOptions { limit: 1, ..options() });
    let sockets = |at| [1, 2, 3].map(|sk| found(at, sock(sk, sk), State::Listen)).to_vec();
    assert_eq!(merged(&mut table, &full(LATER, sockets(LATER), Vec::new())).len(), 1);
    assert_eq!(table.existing_beyond_limit(), 2);
    assert_eq!(merged(&mut table, &full(2 * LATER, sockets(2 * LATER), Vec::new())), []);
    assert_eq!(table.existing_beyond_limit(), 2);
}
