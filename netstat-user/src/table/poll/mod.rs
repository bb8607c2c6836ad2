//! Applies a poll: what appeared, what changed its state, what is gone. No transition between two polls is made up.
//!
//! A poll identifies a socket by its tuple and its handle, not by a kernel address. So this keeps an index from a
//! tuple to the connection's key in the table.

mod capacity;
mod listeners;

use rustc_hash::FxHashMap;

use self::{
    capacity::{Admission, Capacity},
    listeners::PolledListeners,
};
use super::{Table, connection::Connection, listeners::as_listener};
use crate::model::{
    CloseReason, ConnId, Endpoint, Family, Moment, Owner, OwnerHow, Poll, PolledSocket, Row, RowKind,
    SocketHandle, State, can_lead_to,
};

/// What identifies a socket from one poll to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct PollKey {
    netns: Option<u32>,
    local: Endpoint,
    remote: Option<Endpoint>,
    /// Several sockets may listen at one address (SO_REUSEPORT).
    listener: Option<SocketHandle>,
}

impl PollKey {
    fn of(socket: &PolledSocket) -> Self {
        let listener = if socket.state == State::Listen { socket.handle } else { None };
        Self { netns: socket.netns, local: socket.local, remote: socket.remote, listener }
    }
}

/// A socket that a poll has found and that was not gone in the last one.
#[derive(Debug)]
struct Entry {
    /// The connection's key in [`Table::connections`].
    key: u64,
    /// The last handle that it had.
    handle: Option<SocketHandle>,
    /// The number of the last poll that found it.
    found_in: u64,
}

/// What the table keeps from one poll to the next.
#[derive(Debug, Default)]
pub(super) struct PollState {
    entries: FxHashMap<PollKey, Entry>,
    /// How many polls there have been; the connections of the first existed before the trace.
    polls: u64,
    last_key: u64,
    capacity: Capacity,
}

impl PollState {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl Table {
    /// Emits what a poll shows: first the sockets that it found, listeners before the others, then those gone.
    pub(super) fn poll(&mut self, poll: &Poll, emit: &mut dyn FnMut(&Row)) {
        self.poll.polls += 1;
        self.poll.capacity.begin_poll();
        // A map that grows takes half as much again while it is copied.
        let new = poll.sockets.len().min(self.limit).saturating_sub(self.poll.entries.len());
        self.connections.reserve(new);
        self.poll.entries.reserve(new);
        let listeners = PolledListeners::of(&poll.sockets);
        // Listeners first: the others inherit their owners.
        let is_listener = |socket: &&PolledSocket| socket.state == State::Listen;
        let others = poll.sockets.iter().filter(|socket| !is_listener(socket));
        for socket in poll.sockets.iter().filter(is_listener).chain(others) {
            self.polled(socket, &listeners, poll.at, emit);
        }
        self.end_those_not_polled(poll, emit);
        self.capacity.unreported += self.poll.capacity.unreported();
    }

    fn polled(
        &mut self,
        socket: &PolledSocket,
        listeners: &PolledListeners,
        at: Moment,
        emit: &mut dyn FnMut(&Row),
    ) {
        let family = if socket.local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        // Listeners are kept for their owners.
        if socket.state != State::Listen && !self.keeps(family, socket.netns, socket.local, socket.remote) {
            return;
        }
        let (source, poll_key) = (self.capabilities.source, PollKey::of(socket));
        let listener = listeners.only_match(socket).and_then(|it| self.poll.entries.get(&PollKey::of(it)));
        let listener_owner =
            listener.and_then(|entry| self.connections.get(&entry.key)).and_then(Connection::owner);
        let is_full = self.poll.entries.len() >= self.limit;
        let mut admission = None;
        if let Some(entry) = self.poll.entries.get_mut(&poll_key)
            && let Some(connection) = self.connections.get_mut(&entry.key)
        {
            if is_same_socket(entry.handle, connection.state(), socket) {
                entry.handle = socket.handle.or(entry.handle);
                entry.found_in = self.poll.polls;
                connection.set_socket_uid(socket.uid);
                let was_found = connection.owner().is_some_and(|owner| owner.how == OwnerHow::Scan);
                if was_found && socket.handle.is_some() && socket.owner.is_none() {
                    // A process holds it, but no longer the one that did.
                    connection.clear_owner();
                }
                learn_owner(connection, socket.owner.as_deref(), listener_owner);
                if connection.state() != socket.state {
                    emit(&polled_row(connection, socket.state, at, source));
                }
                return;
            }
            if entry.found_in == self.poll.polls {
                // Listed twice: as it was before, or as a socket that is bound to another device.
                return;
            }
            emit(&polled_row(connection, State::Close, at, source));
            self.connections.remove(&entry.key);
            admission = Some(Admission::New);
        }
        let admission = admission.unwrap_or_else(|| self.poll.capacity.admit(is_full));
        if admission == Admission::Rejected {
            return;
        }
        let mut connection = Connection::polled(self.new_id(), socket, listeners.has_match(socket), at);
        learn_owner(&mut connection, socket.owner.as_deref(), listener_owner);
        if admission == Admission::New {
            emit(&if self.poll.polls == 1 {
                connection.found_row(RowKind::Existing, at, source)
            } else {
                let old_state = Some(State::Close);
                with_reason(Row { old_state, ..connection.found_row(RowKind::Transition, at, source) })
            });
        }
        self.poll.last_key += 1;
        let key = self.poll.last_key;
        self.connections.insert(key, connection);
        let entry = Entry { key, handle: socket.handle, found_in: self.poll.polls };
        self.poll.entries.insert(poll_key, entry);
    }

    fn end_those_not_polled(&mut self, poll: &Poll, emit: &mut dyn FnMut(&Row)) {
        let source = self.capabilities.source;
        let (connections, current) = (&mut self.connections, self.poll.polls);
        let mut ended: Vec<(ConnId, Row)> = Vec::new();
        self.poll.entries.retain(|key, entry| {
            let remains = entry.found_in == current || poll.unread.contains(&key.netns);
            if !remains && let Some(mut connection) = connections.remove(&entry.key) {
                ended.push((connection.id(), polled_row(&mut connection, State::Close, poll.at, source)));
            }
            remains
        });
        ended.sort_by_key(|(conn, _)| *conn);
        ended.iter().for_each(|(_, row)| emit(row));
    }
}

/// Whether what a poll found at a known tuple is the same socket, and not one that came after it.
fn is_same_socket(handle: Option<SocketHandle>, state: State, socket: &PolledSocket) -> bool {
    let has_other_handle = handle.zip(socket.handle).is_some_and(|(old, new)| old != new);
    !has_other_handle && (state == socket.state || can_lead_to(state, socket.state))
}

/// The listener's owner is a connection's until a better one is known: another process may have accepted it.
fn learn_owner(connection: &mut Connection, found: Option<&Owner>, listener_owner: Option<Owner>) {
    if let Some(owner) = found {
        connection.set_owner(*owner);
    } else if connection.owner().is_none() && connection.is_waiting_to_be_accepted() {
        connection.inherit((listener_owner.map(as_listener), None));
    }
}

/// Changes the state, and makes the row: when the transition happened is not known.
fn polled_row(connection: &mut Connection, new: State, at: Moment, source: crate::model::Source) -> Row {
    with_reason(connection.change_between_polls(new, at, source))
}

/// Adds why the connection ended, as far as the two states prove it.
fn with_reason(row: Row) -> Row {
    let close_reason = match (row.old_state, row.new_state) {
        (Some(State::Listen), State::Close) => None,
        (Some(State::FinWait2), State::TimeWait) => Some(CloseReason::FinLocal),
        (Some(State::Closing), State::TimeWait) => Some(CloseReason::FinBoth),
        (_, State::Close | State::TimeWait) => Some(CloseReason::Unknown),
        _ => None,
    };
    Row { close_reason, ..row }
}
