//! Owners that end while their connections stay open: another process holds the sockets.

use std::{cell::RefCell, collections::HashMap};

use super::{snapshot::full, *};
use crate::model::{Holder, Snapshot, SnapshotKind};

const SECOND: u64 = 1_000_000_000;

thread_local! {
    /// When the processes of the test were started. Those that are not listed have ended.
    static PROCESSES: RefCell<HashMap<u32, u64>> = RefCell::default();
}

fn set_processes(processes: &[(u32, u64)]) {
    PROCESSES.set(processes.iter().copied().collect());
}

fn table() -> Table {
    let process_start = |pid: u32| PROCESSES.with_borrow(|processes| processes.get(&pid).copied());
    Table::new(TableOptions { process_start, ..options() })
}

fn by_process(change: Transition, pid: u32, how: OwnerHow) -> Transition {
    Transition { process: process(pid, how), ..change }
}

/// An established connection of process 10.
fn connected(table: &mut Table) -> SockId {
    let id = sock(1, 7);
    rows(
        table,
        &[
            by_process(change(1, id, State::Close, State::SynSent, CLIENT, SERVER), 10, OwnerHow::Connect),
            change(2, id, State::SynSent, State::Established, CLIENT, SERVER),
        ],
    );
    id
}

fn owners(holders: Vec<Holder>) -> Snapshot {
    Snapshot { kind: SnapshotKind::Owners, netns_covered: Vec::new(), ..full(SECOND, Vec::new(), holders) }
}

fn holder(sk: u64, pid: u32) -> Holder {
    Holder { sk, owner: process(pid, OwnerHow::Scan).unwrap() }
}

/// The pid in the row of the peer's FIN.
fn pid_at_fin(table: &mut Table, id: SockId, at: u64) -> Option<u32> {
    let fin = change(at, id, State::Established, State::CloseWait, CLIENT, SERVER);
    rows(table, &[fin])[0].owner.map(|owner| owner.pid)
}

#[test]
fn an_owner_that_has_ended_or_whose_id_another_process_has_is_looked_up_and_replaced() {
    for after in [&[(20, 5)][..], &[(10, 6), (20, 5)]] {
        set_processes(&[(10, 3)]);
        let mut table = table();
        let id = connected(&mut table);
        assert!(!table.needs_owner_lookup(moment(SECOND)));
        set_processes(after);
        assert!(!table.needs_owner_lookup(moment(SECOND + 1)), "not before the next check is due");
        let due = table.next_owner_lookup_ns().unwrap();
        assert!(table.needs_owner_lookup(moment(due)));
        table.learn_holders(&owners(vec![holder(1, 20)]));
        assert_eq!(pid_at_fin(&mut table, id, 3 * SECOND), Some(20), "{after:?}");
    }
}

#[test]
fn an_owner_whose_id_another_process_has_before_the_first_check_is_noticed_and_that_process_keeps_its_own() {
    let started_at = |change, started_ns| {
        let process = process(10, OwnerHow::Connect).map(|it| Owner { started_ns: Some(started_ns), ..it });
        Transition { process, ..change }
    };
    // The first process has ended before its connect() is read, or after.
    for while_read in [&[(10, 3)][..], &[]] {
        set_processes(while_read);
        let (mut table, first, second) = (table(), sock(1, 7), sock(2, 8));
        let connects = change(1, first, State::Close, State::SynSent, CLIENT, SERVER);
        let establishes = change(2, first, State::SynSent, State::Established, CLIENT, SERVER);
        rows(&mut table, &[started_at(connects, 30), establishes]);
        set_processes(&[(10, 6)]);
        let other = Endpoint { port: CLIENT.port + 1, ..CLIENT };
        let connects = change(3, second, State::Close, State::SynSent, other, SERVER);
        let establishes = change(4, second, State::SynSent, State::Established, other, SERVER);
        rows(&mut table, &[started_at(connects, 60), establishes]);
        let has_noticed = table.needs_owner_lookup(moment(SECOND));
        let mut owner_of = |id, local| {
            let fin = change(2 * SECOND, id, State::Established, State::CloseWait, local, SERVER);
            rows(&mut table, &[fin])[0].owner.map(|owner| owner.started_ns)
        };
        assert_eq!(owner_of(second, other), Some(Some(60)));
        assert_eq!((has_noticed, owner_of(first, CLIENT)), (true, None));
    }
}

#[test]
fn a_row_never_names_an_owner_that_has_ended_while_its_socket_is_open() {
    set_processes(&[(10, 3)]);
    let mut table = table();
    let id = connected(&mut table);
    assert!(!table.needs_owner_lookup(moment(SECOND)));
    set_processes(&[]);
    assert_eq!(pid_at_fin(&mut table, id, SECOND + 1), None);
    assert!(table.needs_owner_lookup(moment(SECOND + 2)), "the owner is looked up at once");
}

#[test]
fn a_connection_that_its_owner_has_closed_keeps_it_after_the_owner_s_end() {
    set_processes(&[(10, 3)]);
    let mut table = table();
    let id = connected(&mut table);
    let close = change(3, id, State::Established, State::FinWait1, CLIENT, SERVER);
    rows(&mut table, &[by_process(close, 10, OwnerHow::Close)]);
    set_processes(&[]);
    assert!(!table.needs_owner_lookup(moment(SECOND)));
    let acknowledged = change(2 * SECOND, id, State::FinWait1, State::FinWait2, CLIENT, SERVER);
    let acknowledged = Transition { has_socket: Some(false), ..acknowledged };
    assert_eq!(rows(&mut table, &[acknowledged])[0].owner.map(|owner| owner.pid), Some(10));
}

#[test]
fn a_connection_that_the_kernel_closes_after_its_owner_s_end_keeps_it() {
    set_processes(&[(10, 3)]);
    let mut table = table();
    let id = connected(&mut table);
    set_processes(&[]);
    // MPTCP's worker closes a subflow, as a process without files.
    let close = change(SECOND, id, State::Established, State::FinWait1, CLIENT, SERVER);
    assert_eq!(rows(&mut table, &[close])[0].owner.map(|owner| owner.pid), Some(10));
}

#[test]
fn a_process_that_ends_because_its_connect_has_failed_or_soon_after_remains_the_owner() {
    let pid = Some(10);
    for (new, error) in [(State::Close, 111), (State::Close, 110), (State::Established, 0)] {
        set_processes(&[(10, 3)]);
        let (mut table, id) = (table(), sock(1, 7));
        let attempt = change(1, id, State::Close, State::SynSent, CLIENT, SERVER);
        rows(&mut table, &[by_process(attempt, 10, OwnerHow::Connect)]);
        assert!(!table.needs_owner_lookup(moment(SECOND)));
        set_processes(&[]);
        let answer = change(SECOND + 1, id, State::SynSent, new, CLIENT, SERVER);
        let answer = Transition { error: Some(error), ..answer };
        assert_eq!(rows(&mut table, &[answer])[0].owner.map(|owner| owner.pid), pid, "{new:?} {error}");
    }
    set_processes(&[(10, 3)]);
    let mut table = table();
    let id = connected(&mut table);
    set_processes(&[]);
    assert_eq!(pid_at_fin(&mut table, id, 50_000_000), pid);
}

#[test]
fn processes_that_fail_to_connect_are_not_remembered_for_ever() {
    let mut table = table();
    for pid in 1..10_000 {
        let id = sock(u64::from(pid), u64::from(pid));
        let attempt = change(1, id, State::Close, State::SynSent, CLIENT, SERVER);
        let refused =
            Transition { error: Some(111), ..change(2, id, State::SynSent, State::Close, CLIENT, SERVER) };
        rows(&mut table, &[by_process(attempt, pid, OwnerHow::Connect), refused]);
        let (name, remembered) =
            table.sizes().into_iter().find(|(name, _)| name.contains("checked")).unwrap();
        assert!(remembered < 1_000, "{remembered} {name}");
    }
}

#[test]
fn a_process_whose_end_resets_a_connection_or_closes_a_listener_remains_the_owner() {
    let no_remote = Endpoint { port: 0, ..NOT_KNOWN };
    set_processes(&[(10, 3)]);
    let mut table = table();
    let (id, listener) = (connected(&mut table), sock(2, 8));
    let listens = change(2, listener, State::Close, State::Listen, SERVER, no_remote);
    rows(&mut table, &[by_process(listens, 10, OwnerHow::Listen)]);
    assert!(!table.needs_owner_lookup(moment(SECOND)));
    set_processes(&[]);
    let closes = [
        change(SECOND + 1, listener, State::Listen, State::Close, SERVER, no_remote),
        change(SECOND + 2, id, State::Established, State::Close, CLIENT, SERVER),
    ];
    let mut rows = rows(&mut table, &closes);
    rows.extend(waited(&mut table, 2 * SECOND));
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.owner.is_some_and(|owner| owner.pid == 10)), "{rows:#?}");
}

#[test]
fn a_connection_that_nobody_has_accepted_goes_to_the_process_that_has_the_listener_now() {
    set_processes(&[(10, 3), (20, 5)]);
    let mut table = table();
    let (listener, child) = (sock(1, 7), sock(2, 8));
    let no_remote = Endpoint { port: 0, ..NOT_KNOWN };
    let listen = change(1, listener, State::Close, State::Listen, SERVER, no_remote);
    rows(
        &mut table,
        &[
            by_process(listen, 10, OwnerHow::Listen),
            Transition {
                has_socket: Some(false),
                ..change(2, child, State::Listen, State::SynRecv, SERVER, CLIENT)
            },
            Transition {
                has_socket: Some(false),
                ..change(3, child, State::SynRecv, State::Established, SERVER, CLIENT)
            },
        ],
    );
    let owner_of = |table: &Table| {
        let child = table.connections().iter().find(|known| known.state() == State::Established);
        child.unwrap().owner().map(|owner| (owner.pid, owner.how))
    };
    assert_eq!(owner_of(&table), Some((10, OwnerHow::Listener)));
    set_processes(&[(20, 5)]);
    assert!(table.needs_owner_lookup(moment(SECOND)));
    assert_eq!(owner_of(&table), None);
    table.learn_holders(&owners(vec![holder(1, 20)]));
    table.needs_owner_lookup(moment(5 * SECOND));
    assert_eq!(owner_of(&table), Some((20, OwnerHow::Listener)));
}

#[test]
fn what_is_remembered_of_processes_ends_with_their_connections() {
    let mut table = table();
    for pid in 1..=1000 {
        set_processes(&[(pid, 3)]);
        let id = sock(u64::from(pid), 7);
        let at = u64::from(pid) * 10 * SECOND;
        let opens = change(at, id, State::Close, State::SynSent, CLIENT, SERVER);
        rows(
            &mut table,
            &[
                by_process(opens, pid, OwnerHow::Connect),
                change(at + 1, id, State::SynSent, State::Established, CLIENT, SERVER),
                change(at + 2, id, State::Established, State::Close, CLIENT, SERVER),
            ],
        );
        table.needs_owner_lookup(moment(at + SECOND));
        assert_eq!(table.owner_checks.len(), 0);
    }
}
