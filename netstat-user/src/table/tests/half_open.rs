//! Half-open connections and owners.

use super::*;
use crate::model::{MinisockCreated, MinisockRemoved};

pub(super) const REQUEST: u64 = 50;

pub(super) fn created(at: u64, sk: u64, state: State, local: Endpoint, remote: Endpoint) -> Event {
    Event::MinisockCreated(MinisockCreated {
        at: moment(at),
        sock: sock(sk, 0),
        state,
        is_observation: false,
        family: Family::Ipv4,
        local,
        remote,
        netns: 1,
        listener: Some(2),
        interface: None,
    })
}

pub(super) fn removed(at: u64, sk: u64, state: State, expired: bool) -> Event {
    let minisock =
        MinisockRemoved { at: moment(at), sk, state, expired, cause: None, listener_has_closed: false };
    Event::MinisockRemoved(minisock)
}

pub(super) fn transition(at: u64, sock: SockId, old: State, new: State) -> Event {
    Event::Transition(change(at, sock, old, new, SERVER, CLIENT))
}

pub(super) fn listen(pid: u32) -> Event {
    let mut listen = change(1, sock(2, 70), State::Close, State::Listen, SERVER, NOT_KNOWN);
    listen.process = process(pid, OwnerHow::Listen);
    listen.cgroup = Some(9);
    Event::Transition(listen)
}

#[test]
fn a_handshake_lasts_from_the_syn_to_the_last_ack() {
    let child = sock(3, 71);
    let rows = rows_of(
        &mut table(),
        &[
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            transition(40_000_100, child, State::Listen, State::SynRecv),
            removed(40_000_105, REQUEST, State::SynRecv, false),
            transition(40_000_110, child, State::SynRecv, State::Established),
        ],
    );
    assert_eq!(
        steps(&rows),
        [(Some(State::Listen), State::SynRecv), (Some(State::SynRecv), State::Established)]
    );
    assert_eq!((rows[0].conn, rows[1].state_ns), (rows[1].conn, Some(40_000_010)));
}

#[test]
fn a_child_with_its_listener_s_endpoints_takes_over_the_half_open_connection() {
    let (mut table, child) = (table(), sock(3, 71));
    let listener = Endpoint { addr: NOT_KNOWN.addr, port: SERVER.port };
    let rows = rows_of(
        &mut table,
        &[
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            Event::Transition(change(200, sock(3, 70), State::Listen, State::SynRecv, listener, NOT_KNOWN)),
            removed(205, REQUEST, State::SynRecv, false),
            transition(210, child, State::SynRecv, State::Established),
        ],
    );
    assert_eq!(
        steps(&rows),
        [(Some(State::Listen), State::SynRecv), (Some(State::SynRecv), State::Established)]
    );
    assert_eq!((rows[0].conn, rows[1].state_ns), (rows[1].conn, Some(110)));
    assert_eq!(waited(&mut table, 10_000_000_000), [], "its request socket has not died");
}

#[test]
fn a_child_whose_endpoints_come_late_takes_over_the_half_open_connection() {
    let mut table = table();
    let listener = Endpoint { addr: NOT_KNOWN.addr, port: SERVER.port };
    let begun = rows_of(
        &mut table,
        &[
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            Event::Transition(change(200, sock(3, 70), State::Listen, State::SynRecv, listener, NOT_KNOWN)),
            removed(205, REQUEST, State::SynRecv, false),
        ],
    );
    assert_eq!(waited(&mut table, 50_000_000), [], "the request socket may have become the child");
    let rows =
        rows_of(&mut table, &[transition(60_000_000, sock(3, 71), State::SynRecv, State::Established)]);
    assert_eq!((rows.len(), rows[0].conn), (1, begun[0].conn));
}

#[test]
fn a_repeated_syn_ack_does_not_end_the_half_open_connection() {
    let mut table = table();
    rows_of(
        &mut table,
        &[
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            removed(900, REQUEST, State::SynRecv, true),
            created(905, REQUEST, State::SynRecv, SERVER, CLIENT),
        ],
    );
    assert_eq!(waited(&mut table, 10_000_000_000), []);
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn the_owner_is_the_listener_s_until_accept_and_then_the_accepting_process() {
    let (mut table, child) = (table(), sock(3, 71));
    let mut established = change(200, child, State::SynRecv, State::Established, SERVER, CLIENT);
    established.has_socket = Some(false);
    let seen = rows_of(
        &mut table,
        &[
            listen(5),
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            transition(150, child, State::Listen, State::SynRecv),
            Event::Transition(established),
            Event::Accept { sock: child, owner: process(6, OwnerHow::Accept).unwrap() },
            transition(300, child, State::Established, State::CloseWait),
        ],
    );
    let owners: Vec<_> = seen[1..].iter().map(|row| row.owner).collect();
    assert_eq!(
        owners,
        [process(5, OwnerHow::Listener), process(5, OwnerHow::Listener), process(6, OwnerHow::Accept)]
    );
    assert!(seen.iter().all(|row| row.cgroup == Some(9)));
}

#[test]
fn after_an_accept_by_an_unknown_process_the_owner_stays_the_listener_s_until_a_process_closes_it() {
    let child = sock(3, 71);
    let mut close = change(400, child, State::CloseWait, State::LastAck, SERVER, CLIENT);
    close.process = process(6, OwnerHow::Close);
    let seen = rows_of(
        &mut table(),
        &[
            listen(5),
            created(100, REQUEST, State::SynRecv, SERVER, CLIENT),
            transition(150, child, State::Listen, State::SynRecv),
            transition(300, child, State::Established, State::CloseWait),
            Event::Transition(close),
        ],
    );
    let owners: Vec<_> = seen[seen.len() - 2..].iter().map(|row| row.owner).collect();
    assert_eq!(owners, [process(5, OwnerHow::Listener), process(6, OwnerHow::Close)]);
}

#[test]
fn the_closing_process_replaces_an_owner_that_has_exited() {
    let mut table = Table::new(TableOptions { owner_policy: |known, _| known != 10, ..options() });
    let id = sock(1, 7);
    let mut connect = change(1, id, State::Close, State::SynSent, CLIENT, SERVER);
    connect.process = process(10, OwnerHow::Connect);
    let mut close = change(2, id, State::Established, State::FinWait1, CLIENT, SERVER);
    close.process = process(11, OwnerHow::Close);
    assert_eq!(rows(&mut table, &[connect, close])[1].owner, process(11, OwnerHow::Close));
}
