//! The table and plain events.

use std::net::IpAddr;

use super::*;
use crate::model::{Comm, Direction, Endpoint, Family, Owner, OwnerHow, Protocol, RowKind, Source};

const CLIENT: Endpoint = Endpoint { addr: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5)), port: 45_012 };
const SERVER: Endpoint = Endpoint { addr: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 9)), port: 443 };
const NOT_CHOSEN: Endpoint = Endpoint { port: 0, ..CLIENT };
const NOT_KNOWN: Endpoint = Endpoint { addr: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), port: 0 };

const CAPABILITIES: SourceCapabilities = SourceCapabilities {
    source: Source::Ebpf,
    tuples: true,
    minisocks: true,
    resets_sent: true,
    syn_retransmits: true,
};

fn options() -> TableOptions {
    TableOptions {
        capabilities: CAPABILITIES,
        limit: 100,
        retention: Retention::All,
        omits_states: false,
        owner_policy: |_, _| true,
        process_start: |_| Some(0),
    }
}

fn table() -> Table {
    Table::new(options())
}

fn sock(sk: u64, cookie: u64) -> SockId {
    SockId { sk, cookie }
}

fn moment(mono_ns: u64) -> Moment {
    Moment { mono_ns, unix_ns: 0 }
}

fn change(at: u64, sock: SockId, old: State, new: State, local: Endpoint, remote: Endpoint) -> Transition {
    Transition {
        at: moment(at),
        sock,
        family: Family::Ipv4,
        protocol: Protocol::Tcp,
        old,
        new,
        local,
        remote,
        process: None,
        netns: Some(1),
        cgroup: None,
        has_socket: Some(true),
        error: Some(0),
        soft_error: 0,
        fin_is_acknowledged: false,
        connect_failed: false,
        kernel_tcp_stats: None,
        interface: None,
    }
}

fn process(pid: u32, how: OwnerHow) -> Option<Owner> {
    Some(Owner { pid, comm: Comm::default(), uid: Some(0), started_ns: None, how })
}

/// The rows that the events make, in order.
fn rows_of(table: &mut Table, events: &[Event]) -> Vec<Row> {
    let mut rows = Vec::new();
    for event in events {
        table.apply(event, &mut |row| rows.push(*row));
    }
    rows
}

fn rows(table: &mut Table, changes: &[Transition]) -> Vec<Row> {
    rows_of(table, &changes.iter().copied().map(Event::Transition).collect::<Vec<_>>())
}

/// The rows that have waited until `now`.
fn waited(table: &mut Table, now: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    table.tick(moment(now), &mut |row| rows.push(*row));
    rows
}

fn steps(rows: &[Row]) -> Vec<(Option<State>, State)> {
    rows.iter().map(|row| (row.old_state, row.new_state)).collect()
}

mod capacity;
mod half_open;
mod interface;
mod mptcp;
mod owner_checks;
mod pending_rows;
mod poll;
mod process_names;
mod readers;
mod reasons;
mod snapshot;
mod timewait;

#[test]
fn a_connection_keeps_its_id_its_times_and_its_direction() {
    let id = sock(1, 7);
    let rows = rows(
        &mut table(),
        &[
            change(100, id, State::Close, State::SynSent, CLIENT, SERVER),
            change(350, id, State::SynSent, State::Established, CLIENT, SERVER),
            change(900, id, State::Established, State::FinWait1, CLIENT, SERVER),
            change(950, id, State::FinWait1, State::FinWait2, CLIENT, SERVER),
        ],
    );
    assert!(rows.iter().all(|row| row.conn == rows[0].conn && row.direction == Some(Direction::Outbound)));
    assert_eq!(
        rows.iter().map(|row| row.state_ns).collect::<Vec<_>>(),
        [None, Some(250), Some(550), Some(50)]
    );
}

#[test]
fn the_syn_sent_row_waits_for_its_port() {
    let (mut table, id) = (table(), sock(1, 7));
    assert_eq!(rows(&mut table, &[change(1, id, State::Close, State::SynSent, NOT_CHOSEN, SERVER)]), []);
    assert_eq!((table.oldest_waiting_ns(), table.next_tick_ns()), (Some(1), Some(2_000_001)));
    let ends = Event::Tuple { sock: id, local: CLIENT, remote: SERVER, is_observation: false };
    let seen = rows_of(&mut table, std::slice::from_ref(&ends));
    assert_eq!((seen.len(), seen[0].local, seen[0].new_state), (1, CLIENT, State::SynSent));
    assert_eq!((table.oldest_waiting_ns(), table.next_tick_ns()), (None, None));
    assert_eq!(rows_of(&mut table, &[ends]), [], "a repeated SYN is no news");
}

#[test]
fn a_pending_row_goes_out_before_the_connection_s_next_row() {
    let (mut table, id) = (table(), sock(1, 7));
    let rows = rows(
        &mut table,
        &[
            change(1, id, State::Close, State::SynSent, NOT_CHOSEN, SERVER),
            change(2, id, State::SynSent, State::Established, CLIENT, SERVER),
        ],
    );
    assert_eq!(
        rows.iter().map(|row| row.new_state).collect::<Vec<_>>(),
        [State::SynSent, State::Established]
    );
    assert!(rows.iter().all(|row| row.local == CLIENT));
}

#[test]
fn a_pending_row_goes_out_without_a_port_after_a_second() {
    let (mut table, id) = (table(), sock(1, 7));
    rows(&mut table, &[change(1_000, id, State::Close, State::SynSent, NOT_CHOSEN, SERVER)]);
    assert_eq!(waited(&mut table, 2_000), []);
    let seen = waited(&mut table, 1_000_100_000);
    assert_eq!((seen.len(), seen[0].local.port), (1, 0));
}

#[test]
fn a_connect_that_finds_no_port_is_shown_before_its_end() {
    let (mut table, id) = (table(), sock(1, 7));
    let rows = rows(
        &mut table,
        &[
            change(1, id, State::Close, State::SynSent, NOT_CHOSEN, SERVER),
            change(2, id, State::SynSent, State::Close, NOT_CHOSEN, SERVER),
        ],
    );
    assert_eq!(steps(&rows), [(Some(State::Close), State::SynSent), (Some(State::SynSent), State::Close)]);
    assert_eq!(table.oldest_waiting_ns(), None);
}

#[test]
fn no_row_is_pending_where_no_hook_reports_the_port() {
    let mut table = Table::new(TableOptions {
        capabilities: SourceCapabilities { tuples: false, ..CAPABILITIES },
        ..options()
    });
    let rows = rows(&mut table, &[change(1, sock(1, 0), State::Close, State::SynSent, NOT_CHOSEN, SERVER)]);
    assert_eq!(rows.len(), 1);
}

#[test]
fn a_child_with_its_listener_s_endpoints_and_cookie_gets_its_own() {
    let (listener, child) = (sock(2, 70), sock(2, 71));
    let rows = rows(
        &mut table(),
        &[
            change(
                1,
                listener,
                State::Listen,
                State::SynRecv,
                Endpoint { addr: NOT_KNOWN.addr, port: 443 },
                NOT_KNOWN,
            ),
            change(5, child, State::SynRecv, State::Established, SERVER, CLIENT),
            change(9, child, State::Established, State::CloseWait, SERVER, CLIENT),
        ],
    );
    assert!(
        rows.iter().all(|row| row.conn == rows[0].conn && row.local == SERVER && row.remote == Some(CLIENT))
    );
    assert_eq!(rows[1].state_ns, None, "the kernel has kept the handshake to itself");
    assert_eq!(rows[2].state_ns, Some(4));
    assert_eq!(rows[0].direction, Some(Direction::Inbound));
}

#[test]
fn a_socket_that_connects_again_is_another_connection() {
    let (mut table, id) = (table(), sock(1, 7));
    let rows = rows(
        &mut table,
        &[
            change(1, id, State::Close, State::SynSent, CLIENT, SERVER),
            change(2, id, State::SynSent, State::Close, CLIENT, SERVER),
            change(3, id, State::Close, State::SynSent, CLIENT, SERVER),
        ],
    );
    assert_eq!(rows[0].conn, rows[1].conn);
    assert_ne!(rows[1].conn, rows[2].conn);
    assert_eq!(rows[2].state_ns, None);
}

#[test]
fn another_cookie_at_the_same_address_is_another_connection() {
    let mut table = table();
    let rows = rows(
        &mut table,
        &[
            change(1, sock(1, 7), State::Close, State::SynSent, CLIENT, SERVER),
            change(5, sock(1, 8), State::Established, State::FinWait1, CLIENT, SERVER),
        ],
    );
    let end = &rows[1];
    assert_eq!((end.kind, end.conn, end.new_state), (RowKind::Repaired, rows[0].conn, State::Close));
    assert_ne!(rows[0].conn, rows[2].conn);
    assert_eq!((rows[2].state_ns, rows[2].direction), (None, None));
    assert_eq!(table.connections().len(), 1);
}

#[test]
fn after_a_missed_transition_the_time_in_the_state_is_unknown() {
    let id = sock(1, 7);
    let rows = rows(
        &mut table(),
        &[
            change(1, id, State::Close, State::SynSent, CLIENT, SERVER),
            change(5, id, State::Established, State::FinWait1, CLIENT, SERVER),
        ],
    );
    assert_eq!((rows[1].conn, rows[1].state_ns), (rows[0].conn, None));
}

#[test]
fn the_closing_process_is_the_owner_only_if_none_is_known() {
    let id = sock(1, 7);
    let mut connect = change(1, id, State::Close, State::SynSent, CLIENT, SERVER);
    connect.process = process(10, OwnerHow::Connect);
    let mut close = change(2, id, State::Established, State::FinWait1, CLIENT, SERVER);
    close.process = process(11, OwnerHow::Close);
    let known = rows(&mut table(), &[connect, close]);
    assert_eq!(known[1].owner, process(10, OwnerHow::Connect));
    let unknown = rows(&mut table(), &[close]);
    assert_eq!(unknown[0].owner, process(11, OwnerHow::Close));
}

#[test]
fn a_closed_connection_leaves_the_table() {
    let (mut table, id) = (table(), sock(1, 7));
    rows(
        &mut table,
        &[
            change(1, id, State::Close, State::Listen, SERVER, NOT_KNOWN),
            change(2, id, State::Listen, State::Close, SERVER, NOT_KNOWN),
        ],
    );
    assert!(table.connections().is_empty());
}
