//! The live table of connections: what a change of state means for the connection that made it.

mod connection;
mod held;

use rustc_hash::FxHashMap;

use self::{connection::Connection, held::Held};
use crate::model::{ConnId, Endpoint, Moment, Row, SockId, Source, State, Transition};

/// Every connection that the trace has seen and whose end it has not, by the kernel's socket.
///
/// A socket's address is enough of a key: the stream tells in order when a socket begins another
/// connection. The cookie tells that a beginning was missed.
#[derive(Debug)]
pub struct Table {
    connections: FxHashMap<u64, Connection>,
    held: Held,
    source: Source,
    next_id: u64,
    /// Whether events tell the ends of a connection that begins without them.
    ends_follow: bool,
}

impl Table {
    /// An empty table of what `source` sees. `ends_follow`: whether it reports the local port that
    /// the kernel chooses after CLOSE→SYN_SENT.
    pub fn new(source: Source, ends_follow: bool) -> Self {
        Self { connections: FxHashMap::default(), held: Held::default(), source, next_id: 1, ends_follow }
    }

    /// How many connections it holds.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// Applies a change of state and emits the rows that it completes, oldest first.
    pub fn transition(&mut self, change: &Transition, mut emit: impl FnMut(&Row)) {
        let key = change.sock.sk;
        let begins = begins_connection(change.old, change.new);
        let known = self.connections.get_mut(&key).filter(|known| !begins && known.can_be(change.sock));
        let connection = match known {
            Some(known) => known,
            None => {
                let id = ConnId(self.next_id);
                self.next_id += 1;
                // What stood here has ended unseen; a row of it that waited goes out as it is.
                self.held.release(key, &mut emit);
                self.connections.entry(key).insert_entry(Connection::new(id, change)).into_mut()
            }
        };
        if !begins {
            connection.learn_ends(change.local, change.remote);
            self.held.complete(key, connection, &mut emit);
        }
        let row = connection.change(change, self.source);
        if begins && connection.waits_for_ends(self.ends_follow) {
            self.held.hold(key, row);
            return;
        }
        if change.new == State::Close {
            self.connections.remove(&key);
        }
        emit(&row);
    }

    /// Fills in the ends of a connection that began without them, and emits the row that waited.
    pub fn ends(&mut self, sock: SockId, local: Endpoint, remote: Endpoint, mut emit: impl FnMut(&Row)) {
        let Some(connection) = self.connections.get_mut(&sock.sk).filter(|known| known.can_be(sock)) else { return };
        connection.learn_ends(local, remote);
        self.held.complete(sock.sk, connection, &mut emit);
    }

    /// Whether rows wait for their ends.
    pub fn holds_rows(&self) -> bool {
        !self.held.is_empty()
    }

    /// Emits rows whose ends should have come by now, as they are.
    pub fn release_held(&mut self, now: Moment, emit: impl FnMut(&Row)) {
        self.held.release_old(now, emit);
    }

    /// Emits all rows that wait: the trace ends.
    pub fn release_all(&mut self, emit: impl FnMut(&Row)) {
        self.held.release_all(emit);
    }

    /// Forgets a connection that will never be shown.
    pub fn forget(&mut self, sk: u64) {
        self.connections.remove(&sk);
    }
}

/// Whether a transition is a connection's first: a socket may have had others before.
fn begins_connection(old: State, new: State) -> bool {
    matches!((old, new), (State::Close, State::SynSent | State::Listen) | (State::Listen, State::SynRecv))
}

#[cfg(test)]
mod tests;
