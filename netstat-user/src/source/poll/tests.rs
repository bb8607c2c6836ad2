//! Pairs of looks, and the rows that they have to become.

use std::{cell::Cell, num::NonZero};

use rustc_hash::FxHashMap;

use super::{
    capacity::Capacity,
    diff::Diff,
    seen::{Handle, Look, Seen},
};
use crate::model::{
    CloseReason, Comm, Direction, Endpoint, Moment, Owner, OwnerHow, Row, RowKind, Source, State, State::*,
};

fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint { addr: socket.ip(), port: socket.port() }
}

/// A socket of 10.0.0.1:4000 to 10.0.0.2:80; inode 0 is none.
fn client(state: State, inode: u64) -> Seen {
    Seen {
        state,
        local: end("10.0.0.1:4000"),
        remote: Some(end("10.0.0.2:80")),
        handle: NonZero::new(inode),
        uid: NonZero::new(inode).map(|_| 1000),
        netns: Some(1),
    }
}

/// The other end of [`client`].
fn server(state: State, inode: u64) -> Seen {
    Seen { local: end("10.0.0.2:80"), remote: Some(end("10.0.0.1:4000")), ..client(state, inode) }
}

fn listener(local: &str, inode: u64) -> Seen {
    Seen { local: end(local), remote: None, ..client(Listen, inode) }
}

/// Looks, one after the other; inode 7 belongs to nobody, every other to a process of that number.
struct Looks {
    diff: Diff,
    number: u64,
    searches: Cell<u32>,
    untold: u64,
}

impl Looks {
    /// After a first look that found this.
    fn from(sockets: &[Seen]) -> (Self, Vec<Row>) {
        let mut looks = Self::with_room_for(usize::MAX);
        let rows = looks.look(sockets);
        (looks, rows)
    }

    fn with_room_for(limit: usize) -> Self {
        let diff = Diff::new(Source::Proc, Capacity::new(limit));
        Self { diff, number: 0, searches: Cell::new(0), untold: 0 }
    }

    fn look(&mut self, sockets: &[Seen]) -> Vec<Row> {
        self.look_without(&[], sockets)
    }

    fn look_without(&mut self, unread: &[u32], sockets: &[Seen]) -> Vec<Row> {
        self.number += 1;
        let look = Look {
            at: Moment { mono_ns: self.number, unix_ns: 0 },
            sockets: sockets.to_vec(),
            unread: unread.iter().map(|number| Some(*number)).collect(),
        };
        let mut rows = Vec::new();
        let searches = &self.searches;
        let find = |wanted: &rustc_hash::FxHashSet<Handle>| -> FxHashMap<Handle, Owner> {
            searches.set(searches.get() + 1);
            wanted.iter().filter(|inode| inode.get() != 7).map(|inode| (*inode, owner(*inode))).collect()
        };
        self.untold = self.diff.apply(&look, find, |row| rows.push(row));
        assert!(
            rows.iter().all(|row| row.at == look.at && row.state_ns.is_none() && row.tcp_stats.is_none())
        );
        rows
    }
}

fn owner(inode: Handle) -> Owner {
    let pid = u32::try_from(inode.get()).unwrap();
    Owner { pid, comm: Comm::default(), uid: Some(0), how: OwnerHow::Scan }
}

fn steps(rows: &[Row]) -> Vec<(Option<State>, State)> {
    rows.iter().map(|row| (row.old_state, row.new_state)).collect()
}

#[test]
fn what_the_first_look_finds_was_there_before() {
    let (_, rows) = Looks::from(&[client(TimeWait, 0)]);
    assert_eq!(steps(&rows), [(None, TimeWait)]);
    assert_eq!((rows[0].kind, rows[0].close_reason), (RowKind::Existing, None));
}

#[test]
fn what_appears_comes_from_close_and_what_vanishes_goes_there() {
    let (mut looks, _) = Looks::from(&[]);
    let came = looks.look(&[client(CloseWait, 3)]);
    assert_eq!(steps(&came), [(Some(Close), CloseWait)]);
    assert_eq!(looks.look(&[client(CloseWait, 3)]), []);
    let went = looks.look(&[]);
    assert_eq!(steps(&went), [(Some(CloseWait), Close)]);
    assert_eq!((went[0].conn, went[0].close_reason), (came[0].conn, Some(CloseReason::Unknown)));
    assert_eq!(looks.look(&[]), []);
}

#[test]
fn no_step_between_two_looks_is_made_up() {
    let (mut looks, _) = Looks::from(&[client(SynSent, 3)]);
    assert_eq!(steps(&looks.look(&[client(TimeWait, 0)])), [(Some(SynSent), TimeWait)]);
}

#[test]
fn a_reason_is_given_where_the_two_states_prove_it() {
    for (old, new, reason) in [
        (FinWait2, TimeWait, Some(CloseReason::FinLocal)),
        (Closing, TimeWait, Some(CloseReason::FinBoth)),
        (Established, TimeWait, Some(CloseReason::Unknown)),
        (Established, CloseWait, None),
    ] {
        let (mut looks, _) = Looks::from(&[client(old, 0)]);
        assert_eq!(looks.look(&[client(new, 0)])[0].close_reason, reason, "{old} to {new}");
    }
    let (mut looks, _) = Looks::from(&[listener("0.0.0.0:80", 3)]);
    assert_eq!(looks.look(&[])[0].close_reason, None);
}

#[test]
fn the_same_ends_with_another_socket_are_another_connection() {
    for (before, after) in [
        (client(Established, 3), client(Established, 4)),
        (client(TimeWait, 0), client(SynSent, 4)),
        (client(FinWait1, 0), client(Established, 4)),
    ] {
        let (mut looks, first) = Looks::from(&[before]);
        let rows = looks.look(&[after]);
        assert_eq!(steps(&rows), [(Some(before.state), Close), (Some(Close), after.state)]);
        assert_eq!(rows[0].conn, first[0].conn);
        assert_ne!(rows[1].conn, first[0].conn);
    }
}

#[test]
fn a_name_is_never_given_again() {
    let (mut looks, first) = Looks::from(&[client(Established, 3)]);
    looks.look(&[]);
    assert_ne!(looks.look(&[client(Established, 3)])[0].conn, first[0].conn);
}

#[test]
fn accepting_and_closing_change_the_owner_but_not_the_connection() {
    let (mut looks, rows) = Looks::from(&[listener("0.0.0.0:80", 5), server(Established, 0)]);
    assert_eq!(rows[1].owner, Some(Owner { how: OwnerHow::Listener, ..owner(NonZero::new(5).unwrap()) }));
    assert_eq!(looks.look(&[listener("0.0.0.0:80", 5), server(Established, 6)]), []);
    let rows = looks.look(&[listener("0.0.0.0:80", 5), server(LastAck, 0)]);
    assert_eq!(steps(&rows), [(Some(Established), LastAck)]);
    assert_eq!(rows[0].owner.map(|owner| (owner.pid, owner.how)), Some((6, OwnerHow::Scan)));
}

#[test]
fn the_user_is_known_where_the_process_is_not() {
    let (_, rows) = Looks::from(&[client(Established, 7)]);
    assert_eq!((rows[0].owner, rows[0].socket_uid), (None, Some(1000)));
}

#[test]
fn owners_are_looked_for_only_when_a_socket_is_new() {
    let (mut looks, _) = Looks::from(&[client(Established, 7)]);
    looks.look(&[client(Established, 7)]);
    looks.look(&[client(FinWait1, 0)]);
    assert_eq!(looks.searches.get(), 1);
    looks.look(&[client(FinWait1, 0), listener("0.0.0.0:80", 5)]);
    assert_eq!(looks.searches.get(), 2);
}

#[test]
fn the_direction_is_told_where_it_can_be() {
    for (sockets, direction) in [
        (&[client(SynSent, 3)][..], Some(Direction::Outbound)),
        (&[client(Established, 3)], None),
        (&[listener("0.0.0.0:80", 5)], Some(Direction::Listen)),
        (&[listener("0.0.0.0:80", 5), server(Established, 3)], Some(Direction::Inbound)),
        (&[listener("[::]:80", 5), server(SynRecv, 0)], Some(Direction::Inbound)),
        (&[listener("10.0.0.2:80", 5), server(TimeWait, 0)], Some(Direction::Inbound)),
        (&[listener("10.0.0.9:80", 5), server(Established, 3)], None),
        (&[listener("0.0.0.0:81", 5), server(Established, 3)], None),
        (&[Seen { netns: Some(2), ..listener("0.0.0.0:80", 5) }, server(Established, 3)], None),
    ] {
        let (_, rows) = Looks::from(sockets);
        assert_eq!(rows.last().unwrap().direction, direction, "{sockets:?}");
    }
}

#[test]
fn several_may_listen_at_one_address() {
    let both = [listener("0.0.0.0:80", 5), listener("0.0.0.0:80", 6)];
    let (mut looks, rows) = Looks::from(&both);
    assert_eq!(rows.len(), 2);
    assert_eq!(looks.look(&both), []);
    let rows = looks.look(&both[1..]);
    assert_eq!(steps(&rows), [(Some(Listen), Close)]);
}

#[test]
fn of_a_namespace_that_could_not_be_read_nothing_is_told() {
    let elsewhere = Seen { netns: Some(2), ..client(Established, 4) };
    let (mut looks, _) = Looks::from(&[client(Established, 3), elsewhere]);
    let rows = looks.look_without(&[2], &[]);
    assert_eq!(rows.iter().map(|row| row.netns).collect::<Vec<_>>(), [Some(1)]);
    assert_eq!(
        steps(&looks.look(&[Seen { state: CloseWait, ..elsewhere }])),
        [(Some(Established), CloseWait)]
    );
}

#[test]
fn a_socket_that_changed_while_it_was_looked_at_is_one() {
    let (mut looks, _) = Looks::from(&[client(Established, 3)]);
    let rows = looks.look(&[client(FinWait2, 0), client(TimeWait, 0)]);
    assert_eq!(steps(&rows), [(Some(Established), FinWait2), (Some(FinWait2), TimeWait)]);
    assert_eq!(looks.look(&[client(TimeWait, 0), client(FinWait2, 0)]), []);
}

#[test]
fn of_sockets_that_find_no_room_nothing_is_made_up() {
    let at = |local: &str| Seen { local: end(local), ..client(Established, 3) };
    let [one, two, three] = ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"].map(at);
    let mut looks = Looks::with_room_for(1);
    assert_eq!(steps(&looks.look(&[one, two])), [(None, Established)]);
    assert_eq!(looks.untold, 1);
    assert_eq!(looks.look(&[one, two]), []);
    assert_eq!(looks.untold, 0, "it is told once");
    looks.look(&[one, two, three]);
    assert_eq!(looks.untold, 1, "the third is new");
    // What is remembered goes on, and its end makes room.
    let one_later = Seen { state: CloseWait, ..one };
    assert_eq!(steps(&looks.look(&[one_later, two, three])), [(Some(Established), CloseWait)]);
    assert_eq!(steps(&looks.look(&[two, three])), [(Some(CloseWait), Close)]);
    // The second has been there before: it comes from nowhere, and what becomes of it is told.
    assert_eq!(looks.look(&[two]), []);
    assert_eq!(looks.untold, 0);
    assert_eq!(steps(&looks.look(&[Seen { state: CloseWait, ..two }])), [(Some(Established), CloseWait)]);
    assert_eq!(steps(&looks.look(&[])), [(Some(CloseWait), Close)]);
    assert_eq!(steps(&looks.look(&[three])), [(Some(Close), Established)]);
}

#[test]
fn another_connection_in_the_place_of_a_remembered_one_needs_no_room() {
    let mut looks = Looks::with_room_for(1);
    looks.look(&[client(Established, 3)]);
    let rows = looks.look(&[client(Established, 4)]);
    assert_eq!(steps(&rows), [(Some(Established), Close), (Some(Close), Established)]);
    assert_eq!(looks.untold, 0);
}

#[test]
fn owners_are_not_looked_for_where_there_is_no_room() {
    let mut looks = Looks::with_room_for(1);
    looks.look(&[client(Established, 3)]);
    looks.look(&[client(Established, 3), server(Established, 4)]);
    assert_eq!(looks.searches.get(), 1);
}
