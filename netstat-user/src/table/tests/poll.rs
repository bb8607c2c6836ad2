//! Pairs of polls, and the rows that they make.

use std::{num::NonZero, sync::Arc};

use super::*;
use crate::model::{CloseReason, Comm, OwnerHow, Poll, PolledSocket, State::*};

fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint { addr: socket.ip(), port: socket.port() }
}

/// A socket from 10.0.0.1:4000 to 10.0.0.2:80. Inode 0: no process holds it. No process is found that holds inode 7;
/// every other inode belongs to a process with that number.
pub(super) fn client(state: State, inode: u64) -> PolledSocket {
    let handle = NonZero::new(inode);
    PolledSocket {
        state,
        local: end("10.0.0.1:4000"),
        remote: Some(end("10.0.0.2:80")),
        handle,
        owner: handle.filter(|inode| inode.get() != 7).map(|inode| Arc::new(owner(inode.get()))),
        uid: handle.map(|_| 1000),
        netns: Some(1),
    }
}

/// The socket that [`client`] is connected to.
fn server(state: State, inode: u64) -> PolledSocket {
    PolledSocket { local: end("10.0.0.2:80"), remote: Some(end("10.0.0.1:4000")), ..client(state, inode) }
}

fn listener(local: &str, inode: u64) -> PolledSocket {
    PolledSocket { local: end(local), remote: None, ..client(Listen, inode) }
}

fn owner(pid: u64) -> Owner {
    Owner {
        pid: u32::try_from(pid).unwrap(),
        comm: Comm::default(),
        uid: Some(0),
        started_ns: None,
        how: OwnerHow::Scan,
    }
}

/// A poll at `at` that could not read some network namespaces.
pub(super) fn event(at: u64, unread: &[u32], sockets: &[PolledSocket]) -> Event {
    let unread = unread.iter().map(|number| Some(*number)).collect();
    Event::Poll(Box::new(Poll { at: moment(at), sockets: sockets.to_vec(), unread, ..Poll::default() }))
}

/// A table that polls, one after the other.
struct Polls {
    table: Table,
    number: u64,
    unreported: u64,
}

impl Polls {
    /// After a first poll that found these sockets.
    fn from(sockets: &[PolledSocket]) -> (Self, Vec<Row>) {
        let mut polls = Self::with_limit(usize::MAX);
        let rows = polls.poll(sockets);
        (polls, rows)
    }

    fn with_limit(limit: usize) -> Self {
        Self { table: Table::new(TableOptions { limit, ..options() }), number: 0, unreported: 0 }
    }

    fn poll(&mut self, sockets: &[PolledSocket]) -> Vec<Row> {
        self.poll_without(&[], sockets)
    }

    fn poll_without(&mut self, unread: &[u32], sockets: &[PolledSocket]) -> Vec<Row> {
        self.number += 1;
        let rows = rows_of(&mut self.table, &[event(self.number, unread, sockets)]);
        self.unreported = self.table.take_unreported();
        let at = moment(self.number);
        assert!(rows.iter().all(|row| row.at == at && row.state_ns.is_none() && row.tcp_stats.is_none()));
        rows
    }
}

#[test]
fn sockets_of_the_first_poll_existed_before() {
    let (_, rows) = Polls::from(&[client(TimeWait, 0)]);
    assert_eq!(steps(&rows), [(None, TimeWait)]);
    assert_eq!((rows[0].kind, rows[0].close_reason), (RowKind::Existing, None));
}

#[test]
fn a_socket_that_appears_comes_from_close_and_one_that_vanishes_goes_to_close() {
    let (mut polls, _) = Polls::from(&[]);
    let came = polls.poll(&[client(CloseWait, 3)]);
    assert_eq!(steps(&came), [(Some(Close), CloseWait)]);
    assert_eq!(polls.poll(&[client(CloseWait, 3)]), []);
    let went = polls.poll(&[]);
    assert_eq!(steps(&went), [(Some(CloseWait), Close)]);
    assert_eq!((went[0].conn, went[0].close_reason), (came[0].conn, Some(CloseReason::Unknown)));
    assert_eq!(polls.poll(&[]), []);
}

#[test]
fn no_transition_between_two_polls_is_made_up() {
    let (mut polls, _) = Polls::from(&[client(SynSent, 3)]);
    assert_eq!(steps(&polls.poll(&[client(TimeWait, 0)])), [(Some(SynSent), TimeWait)]);
}

#[test]
fn a_reason_is_given_where_the_two_states_prove_it() {
    for (old, new, reason) in [
        (FinWait2, TimeWait, Some(CloseReason::FinLocal)),
        (Closing, TimeWait, Some(CloseReason::FinBoth)),
        (Established, TimeWait, Some(CloseReason::Unknown)),
        (Established, CloseWait, None),
    ] {
        let (mut polls, _) = Polls::from(&[client(old, 0)]);
        assert_eq!(polls.poll(&[client(new, 0)])[0].close_reason, reason, "{old} to {new}");
    }
    let (mut polls, _) = Polls::from(&[listener("0.0.0.0:80", 3)]);
    assert_eq!(polls.poll(&[])[0].close_reason, None);
}

#[test]
fn another_socket_with_the_same_tuple_is_another_connection() {
    for (before, after) in [
        (client(Established, 3), client(Established, 4)),
        (client(TimeWait, 0), client(SynSent, 4)),
        (client(FinWait1, 0), client(Established, 4)),
    ] {
        let (mut polls, first) = Polls::from(std::slice::from_ref(&before));
        let rows = polls.poll(std::slice::from_ref(&after));
        assert_eq!(steps(&rows), [(Some(before.state), Close), (Some(Close), after.state)]);
        assert_eq!(rows[0].conn, first[0].conn);
        assert_ne!(rows[1].conn, first[0].conn);
    }
}

#[test]
fn a_connection_id_is_never_used_again() {
    let (mut polls, first) = Polls::from(&[client(Established, 3)]);
    polls.poll(&[]);
    assert_ne!(polls.poll(&[client(Established, 3)])[0].conn, first[0].conn);
}

#[test]
fn accepting_and_closing_change_the_owner_but_not_the_connection() {
    let (mut polls, rows) = Polls::from(&[listener("0.0.0.0:80", 5), server(Established, 0)]);
    assert_eq!(rows[1].owner, Some(Owner { how: OwnerHow::Listener, ..owner(5) }));
    assert_eq!(polls.poll(&[listener("0.0.0.0:80", 5), server(Established, 6)]), []);
    let rows = polls.poll(&[listener("0.0.0.0:80", 5), server(LastAck, 0)]);
    assert_eq!(steps(&rows), [(Some(Established), LastAck)]);
    assert_eq!(rows[0].owner.map(|owner| (owner.pid, owner.how)), Some((6, OwnerHow::Scan)));
}

#[test]
fn the_user_is_known_where_the_process_is_not() {
    let (_, rows) = Polls::from(&[client(Established, 7)]);
    assert_eq!((rows[0].owner, rows[0].socket_uid), (None, Some(1000)));
}

#[test]
fn the_direction_is_known_from_syn_sent_or_a_listener() {
    for (sockets, direction) in [
        (&[client(SynSent, 3)][..], Some(Direction::Outbound)),
        (&[client(Established, 3)], None),
        (&[listener("0.0.0.0:80", 5)], Some(Direction::Listen)),
        (&[listener("0.0.0.0:80", 5), server(Established, 3)], Some(Direction::Inbound)),
        (&[listener("[::]:80", 5), server(SynRecv, 0)], Some(Direction::Inbound)),
        (&[listener("10.0.0.2:80", 5), server(TimeWait, 0)], Some(Direction::Inbound)),
        (&[listener("10.0.0.9:80", 5), server(Established, 3)], None),
        (&[listener("0.0.0.0:81", 5), server(Established, 3)], None),
        (&[PolledSocket { netns: Some(2), ..listener("0.0.0.0:80", 5) }, server(Established, 3)], None),
    ] {
        let (_, rows) = Polls::from(sockets);
        assert_eq!(rows.last().unwrap().direction, direction, "{sockets:?}");
    }
}

#[test]
fn several_may_listen_at_one_address() {
    let both = [listener("0.0.0.0:80", 5), listener("0.0.0.0:80", 6)];
    let (mut polls, rows) = Polls::from(&both);
    assert_eq!(rows.len(), 2);
    assert_eq!(polls.poll(&both), []);
    let rows = polls.poll(&both[1..]);
    assert_eq!(steps(&rows), [(Some(Listen), Close)]);
}

#[test]
fn nothing_is_reported_about_a_namespace_that_could_not_be_read() {
    let elsewhere = |state| PolledSocket { netns: Some(2), ..client(state, 4) };
    let (mut polls, _) = Polls::from(&[client(Established, 3), elsewhere(Established)]);
    let rows = polls.poll_without(&[2], &[]);
    assert_eq!(rows.iter().map(|row| row.netns).collect::<Vec<_>>(), [Some(1)]);
    assert_eq!(steps(&polls.poll(&[elsewhere(CloseWait)])), [(Some(Established), CloseWait)]);
}

#[test]
fn a_socket_that_is_listed_twice_in_a_poll_is_one_connection() {
    let (mut polls, _) = Polls::from(&[client(Established, 3)]);
    let rows = polls.poll(&[client(FinWait2, 0), client(TimeWait, 0)]);
    assert_eq!(steps(&rows), [(Some(Established), FinWait2), (Some(FinWait2), TimeWait)]);
    assert_eq!(polls.poll(&[client(TimeWait, 0), client(FinWait2, 0)]), []);
}

#[test]
fn nothing_is_made_up_about_sockets_beyond_the_limit() {
    let at = |local: &str| PolledSocket { local: end(local), ..client(Established, 3) };
    let [one, two, three] = ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"].map(|local| move || at(local));
    let mut polls = Polls::with_limit(1);
    assert_eq!(steps(&polls.poll(&[one(), two()])), [(None, Established)]);
    assert_eq!(polls.unreported, 1);
    assert_eq!(polls.poll(&[one(), two()]), []);
    assert_eq!(polls.unreported, 0, "it is counted once");
    polls.poll(&[one(), two(), three()]);
    assert_eq!(polls.unreported, 1, "the third is new");
    // A known connection is still followed, and its end frees capacity.
    let one_later = PolledSocket { state: CloseWait, ..one() };
    assert_eq!(steps(&polls.poll(&[one_later, two(), three()])), [(Some(Established), CloseWait)]);
    assert_eq!(steps(&polls.poll(&[two(), three()])), [(Some(CloseWait), Close)]);
    // The second existed before: it enters without a row, and its later transitions are reported.
    assert_eq!(polls.poll(&[two()]), []);
    assert_eq!(polls.unreported, 0);
    assert_eq!(
        steps(&polls.poll(&[PolledSocket { state: CloseWait, ..two() }])),
        [(Some(Established), CloseWait)]
    );
    assert_eq!(steps(&polls.poll(&[])), [(Some(CloseWait), Close)]);
    assert_eq!(steps(&polls.poll(&[three()])), [(Some(Close), Established)]);
}

#[test]
fn a_connection_that_replaces_a_known_one_needs_no_capacity() {
    let mut polls = Polls::with_limit(1);
    polls.poll(&[client(Established, 3)]);
    let rows = polls.poll(&[client(Established, 4)]);
    assert_eq!(steps(&rows), [(Some(Established), Close), (Some(Close), Established)]);
    assert_eq!(polls.unreported, 0);
}
