//! The table against a look at all sockets.

use super::*;
use crate::model::{Holder, RowKind, Snapshot, SnapshotSocket};

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
    }
}

fn look(at: u64, sockets: Vec<SnapshotSocket>, holders: Vec<Holder>) -> Snapshot {
    Snapshot { started: moment(at), finished: moment(at + 10), sockets, holders, netns_covered: vec![1] }
}

fn merged(table: &mut Table, snapshot: &Snapshot) -> Vec<Row> {
    let mut rows = Vec::new();
    table.merge(snapshot, &mut |row| {
        rows.push(*row);
        Interest::Keep
    });
    rows
}

fn holder(sk: u64, pid: u32) -> Holder {
    Holder { sk, owner: process(pid, OwnerHow::Scan).unwrap() }
}

#[test]
fn a_connection_from_before_the_start_is_existing_with_its_owner() {
    let mut table = table();
    let snapshot = look(LATER, vec![found(LATER, sock(1, 7), State::Established)], vec![holder(1, 12)]);
    let rows = merged(&mut table, &snapshot);
    assert_eq!((rows.len(), rows[0].kind, rows[0].new_state), (1, RowKind::Existing, State::Established));
    assert_eq!((rows[0].old_state, rows[0].owner), (None, process(12, OwnerHow::Scan)));
    assert_eq!(
        merged(&mut table, &look(2 * LATER, vec![found(2 * LATER, sock(1, 7), State::Established)], vec![])),
        []
    );
}

#[test]
fn one_that_has_moved_since_the_start_is_existing_in_the_state_that_it_left() {
    let mut table = table();
    rows(&mut table, &[change(LATER - 5, sock(1, 7), State::Established, State::FinWait1, CLIENT, SERVER)]);
    let rows = merged(&mut table, &look(LATER, vec![found(LATER, sock(1, 7), State::Established)], vec![]));
    assert_eq!((rows.len(), rows[0].kind, rows[0].new_state), (1, RowKind::Existing, State::Established));
}

#[test]
fn one_that_has_closed_since_is_not_found_again() {
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
        merged(&mut table, &look(LATER, vec![found(LATER + 2, sock(1, 7), State::SynSent)], vec![])),
        []
    );
    assert!(table.is_empty());
}

#[test]
fn what_was_missed_is_repaired_and_ghosts_vanish() {
    let mut table = table();
    merged(&mut table, &look(1, vec![], vec![]));
    rows(
        &mut table,
        &[
            change(10, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER),
            change(20, sock(2, 8), State::Close, State::SynSent, CLIENT, SERVER),
        ],
    );
    let mut rows =
        merged(&mut table, &look(LATER, vec![found(LATER, sock(1, 7), State::Established)], vec![]));
    rows.sort_by_key(|row| row.conn);
    assert!(rows.iter().all(|row| row.kind == RowKind::Repaired));
    assert_eq!(
        steps(&rows),
        [(Some(State::SynSent), State::Established), (Some(State::SynSent), State::Close)]
    );
    assert_eq!(table.len(), 1);
}

#[test]
fn one_that_still_looks_for_a_port_is_no_ghost_and_its_row_is_never_lost() {
    let mut table = table();
    let nowhere = Endpoint { port: 0, ..CLIENT };
    rows(&mut table, &[change(LATER, sock(1, 7), State::Close, State::SynSent, nowhere, SERVER)]);
    assert_eq!(merged(&mut table, &look(LATER + 20_000_000, vec![], vec![])), []);
    let ended = merged(&mut table, &look(2 * LATER, vec![], vec![]));
    assert_eq!(
        ended.iter().map(|row| (row.kind, row.new_state)).collect::<Vec<_>>(),
        [(RowKind::Transition, State::SynSent), (RowKind::Repaired, State::Close)]
    );
}

#[test]
fn other_namespaces_and_mptcp_are_no_ghosts() {
    let mut table = table();
    merged(&mut table, &look(1, vec![], vec![]));
    let mut elsewhere = change(10, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER);
    elsewhere.netns = Some(2);
    let mut mptcp = change(10, sock(2, 8), State::Close, State::SynSent, CLIENT, SERVER);
    mptcp.protocol = Protocol::Mptcp;
    rows(&mut table, &[elsewhere, mptcp]);
    assert_eq!(merged(&mut table, &look(LATER, vec![], vec![])), []);
}

#[test]
fn an_owner_that_holds_the_socket_no_more_is_replaced_and_one_of_several_is_kept() {
    let mut table = table();
    let mut connect = change(10, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER);
    connect.process = process(30, OwnerHow::Connect);
    rows(&mut table, &[connect]);
    let mut owner_after = |holders| {
        table.learn_holders(&look(LATER, vec![], holders));
        table.connections[&1].owner().map(|owner| owner.pid)
    };
    assert_eq!(owner_after(vec![holder(1, 20), holder(1, 30)]), Some(30));
    assert_eq!(owner_after(vec![holder(1, 20)]), Some(20));
}
