//! A row has the name that its process has now.

use super::{
    half_open::{created, transition},
    *,
};
use crate::model::{Holder, ProcessRenamed, Snapshot, SnapshotKind};

fn comm(name: &str) -> Comm {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Comm::new(bytes)
}

fn owner(pid: u32, started_ns: u64, name: &str, how: OwnerHow) -> Owner {
    Owner { pid, comm: comm(name), uid: Some(0), started_ns: Some(started_ns), how }
}

fn connects(at: u64, sk: u64, owner: Owner) -> Event {
    let mut change = change(at, sock(sk, sk), State::Close, State::SynSent, CLIENT, SERVER);
    change.process = Some(owner);
    Event::Transition(change)
}

fn established(at: u64, sk: u64) -> Event {
    Event::Transition(change(at, sock(sk, sk), State::SynSent, State::Established, CLIENT, SERVER))
}

fn renamed(at: u64, pid: u32, started_ns: u64, name: &str) -> Event {
    let started_ns = Some(started_ns);
    Event::ProcessRenamed(ProcessRenamed { at: moment(at), pid, started_ns, comm: comm(name) })
}

fn names(rows: &[Row]) -> Vec<&[u8]> {
    rows.iter().map(|row| row.owner.as_ref().map_or(&b"-"[..], |owner| owner.comm.as_bytes())).collect()
}

#[test]
fn after_exec_the_rows_have_the_new_name_and_the_same_owner() {
    let bash = owner(7, 100, "bash", OwnerHow::Connect);
    let rows = rows_of(
        &mut table(),
        &[connects(1_000, 1, bash), renamed(2_000, 7, 100, "sleep"), established(3_000, 1)],
    );
    assert_eq!(names(&rows), [b"bash", &b"sleep"[..]]);
    assert_eq!(rows[1].owner.unwrap().how, OwnerHow::Connect);
}

#[test]
fn all_connections_of_a_process_have_one_name_also_what_its_listener_gets() {
    let mut table = table();
    let mut listen = change(1_000, sock(2, 70), State::Close, State::Listen, SERVER, NOT_KNOWN);
    listen.process = Some(owner(7, 100, "python3", OwnerHow::Listen));
    let rows = rows_of(
        &mut table,
        &[
            Event::Transition(listen),
            connects(2_000, 1, owner(7, 100, "renamed", OwnerHow::Connect)),
            created(3_000, 50, State::SynRecv, SERVER, CLIENT),
        ],
    );
    assert_eq!(names(&rows), [&b"python3"[..], b"renamed", b"renamed"]);
    let existing = table.connections().existing_rows(moment(4_000));
    assert!(names(&existing).iter().all(|name| *name == b"renamed"), "{existing:?}");
}

#[test]
fn another_process_with_the_same_id_gives_no_name() {
    let mut table = table();
    let rows = rows_of(
        &mut table,
        &[
            connects(1_000, 1, owner(7, 100, "curl", OwnerHow::Connect)),
            renamed(2_000, 7, 1_500, "nginx"),
            established(3_000, 1),
            connects(4_000, 2, owner(7, 1_500, "nginx", OwnerHow::Connect)),
            transition(5_000, sock(1, 1), State::Established, State::CloseWait),
        ],
    );
    assert_eq!(names(&rows), [&b"curl"[..], b"curl", b"nginx", b"curl"]);
}

#[test]
fn a_snapshot_tells_a_name_whose_change_was_not_seen_but_none_that_was_changed_since() {
    let mut table = table();
    rows_of(&mut table, &[connects(1_000, 1, owner(7, 100, "old", OwnerHow::Connect))]);
    let snapshot = |started, name| Snapshot {
        kind: SnapshotKind::Owners,
        started: moment(started),
        finished: moment(started + 10),
        holders: vec![Holder { sk: 1, owner: owner(7, 100, name, OwnerHow::Scan) }],
        ..Snapshot::default()
    };
    table.learn_holders(&snapshot(2_000, "new"));
    assert_eq!(names(&rows_of(&mut table, &[established(3_000, 1)])), [b"new"]);
    rows_of(&mut table, &[renamed(5_000, 7, 100, "newest")]);
    table.learn_holders(&snapshot(4_000, "new"));
    let rows = rows_of(&mut table, &[transition(6_000, sock(1, 1), State::Established, State::CloseWait)]);
    assert_eq!(names(&rows), [b"newest"]);
}

#[test]
fn processes_that_own_nothing_are_forgotten() {
    let mut table = table();
    let kept = owner(1, 100, "kept", OwnerHow::Connect);
    rows_of(&mut table, &[connects(1, 1, kept)]);
    for pid in 2..100_000 {
        let at = u64::from(pid) * 10;
        let id = sock(9, at);
        rows_of(
            &mut table,
            &[
                Event::Transition(Transition {
                    process: Some(owner(pid, at, "short", OwnerHow::Connect)),
                    ..change(at, id, State::Close, State::SynSent, CLIENT, SERVER)
                }),
                Event::Transition(change(at + 1, id, State::SynSent, State::Close, CLIENT, SERVER)),
                // One that never owned anything.
                renamed(at + 2, 1_000_000 + pid, at, "other"),
            ],
        );
        assert!(table.process_names.len() < 10_000, "{}", table.process_names.len());
    }
    rows_of(&mut table, &[renamed(2_000_000, 1, 100, "kept by its name")]);
    assert_eq!(names(&rows_of(&mut table, &[established(2_000_001, 1)])), [b"kept by its name"]);
}
