//! What readers of the table see, and what it keeps.

use super::*;
use crate::model::Endpoint;

const ALICE: SockId = SockId { sk: 1, cookie: 7 };
const BOB: SockId = SockId { sk: 2, cookie: 8 };

fn connect(at: u64, sock: SockId) -> [Transition; 2] {
    [
        change(at, sock, State::Close, State::SynSent, CLIENT, SERVER),
        change(at + 10, sock, State::SynSent, State::Established, CLIENT, SERVER),
    ]
}

#[test]
fn readers_find_every_open_connection_by_its_id_with_its_state_and_the_time_it_entered_it() {
    let mut table = table();
    let alice = rows(&mut table, &connect(100, ALICE))[0].conn;
    let bob = rows(&mut table, &connect(200, BOB))[0].conn;
    assert_eq!(table.connections().len(), 2);
    let found = table.connections().get(bob).unwrap();
    assert_eq!((found.state(), found.entered()), (State::Established, Entered::At(210)));
    assert_eq!(table.connections().get(ConnId(99)).map(Connection::id), None);

    rows(&mut table, &[change(300, ALICE, State::Established, State::Close, CLIENT, SERVER)]);
    assert_eq!(table.connections().get(alice).map(Connection::id), None);
    let existing = table.connections().existing_rows(moment(400));
    assert_eq!(existing.len(), 1);
    assert_eq!((existing[0].kind, existing[0].conn, existing[0].old_state), (RowKind::Existing, bob, None));
    assert_eq!((existing[0].new_state, existing[0].remote), (State::Established, Some(SERVER)));
}

#[test]
fn a_state_whose_beginning_was_not_seen_is_known_to_be_older() {
    let mut table = table();
    let row = rows(&mut table, &[change(50, ALICE, State::Close, State::Listen, SERVER, NOT_KNOWN)])[0];
    assert_eq!(table.connections().get(row.conn).map(Connection::entered), Some(Entered::At(50)));
    let mut polled = Table::new(options());
    let socket = poll::client(State::Established, 3);
    polled.apply(&poll::event(5, &[], &[socket]), &mut |_| {});
    let entered = polled.connections().iter().next().map(Connection::entered);
    assert_eq!(entered, Some(Entered::Before(5)));
}

#[test]
fn a_table_with_a_fixed_filter_keeps_only_what_that_can_match() {
    let only = |_, _, local: Endpoint, _| local.port == CLIENT.port;
    let mut table = Table::new(TableOptions { retention: Retention::Only(Box::new(only)), ..options() });
    let [other_syn, _] = connect(100, BOB);
    let other = Endpoint { port: 9, ..CLIENT };
    assert_eq!(rows(&mut table, &[Transition { local: other, ..other_syn }]).len(), 1, "its row is reported");
    rows(&mut table, &connect(200, ALICE));
    let kept: Vec<Endpoint> = table.connections().iter().map(Connection::local).collect();
    assert_eq!(kept, [CLIENT]);
}

#[test]
fn a_cleared_table_is_empty_and_uses_no_id_again() {
    let mut table = table();
    let before = rows(&mut table, &connect(100, ALICE))[0].conn;
    table.clear();
    assert!(table.connections().is_empty());
    assert!(rows(&mut table, &connect(100, ALICE))[0].conn > before);
}
