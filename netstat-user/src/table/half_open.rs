//! Half-open connections: a request socket until the handshake's last ACK, then a full socket.

use rustc_hash::FxHashMap;

use super::{Interest, Table, connection::Connection, tuple::Tuple};
use crate::model::{MinisockCreated, Row, State};

/// The half-open connections by their ends; the table has them by the request socket.
#[derive(Debug, Default)]
pub(super) struct HalfOpen {
    by_ends: FxHashMap<Tuple, u64>,
}

impl HalfOpen {
    pub(super) fn insert(&mut self, ends: Tuple, request: u64) {
        self.by_ends.insert(ends, request);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_ends.len()
    }
}

impl Table {
    /// A request socket's timer starts: a SYN came, or the SYN-ACK was sent again.
    pub(super) fn half_open_starts(
        &mut self,
        start: &MinisockCreated,
        emit: &mut dyn FnMut(&Row) -> Interest,
    ) {
        let key = start.sock.sk;
        if self.go_on_if_known(start, emit) {
            return;
        }
        let ends = Tuple::of(start);
        let id = self.new_id();
        let mut connection = Connection::half_open(id, start);
        let listener = start.listener.and_then(|listener| self.connections.get(&listener));
        connection.inherit(match listener {
            Some(listener) => listener.inheritance(),
            None => self.listeners.owner(Some(start.netns), start.local),
        });
        let row = connection.go(State::SynRecv, start.at, self.capabilities.source);
        self.connections.insert(key, connection);
        self.half_open.insert(ends, key);
        self.show(key, &row, emit);
        if !self.connections.contains_key(&key) {
            self.forget_half_open(&ends, key);
        }
    }

    /// The full socket at `key` goes on with what its half-open connection was; false if there is none.
    pub(super) fn take_over_half_open(&mut self, key: u64) -> bool {
        let Some(ends) = self.connections.get(&key).and_then(Connection::minisock_ends) else { return false };
        let Some(half_open) =
            self.half_open.by_ends.remove(&ends).and_then(|request| self.connections.remove(&request))
        else {
            return false;
        };
        if let Some(child) = self.connections.get_mut(&key) {
            child.go_on_from(&half_open);
        }
        true
    }

    /// The connection at `key` is over: if it was half open, nothing becomes of it. Another may be, between the same
    /// ends.
    pub(super) fn forget_half_open(&mut self, ends: &Tuple, key: u64) {
        if self.half_open.by_ends.get(ends) == Some(&key) {
            self.half_open.by_ends.remove(ends);
        }
    }
}
