//! First rows of connections that wait until both endpoints are known.
//!
//! At CLOSE→SYN_SENT the kernel has not chosen the local port yet. Up to 6.12 a child still has its listener's
//! endpoints at LISTEN→SYN_RECV. A later event, microseconds after it, has the endpoints; the row waits for that
//! event. Where none comes, because the SYN is sent with the first data (TCP Fast Open), the source is asked for the
//! endpoints. The rows of other connections that happened after it wait for it too, for milliseconds
//! (`agent/row_order.rs`).

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::{Table, connection::Connection};
use crate::model::{Endpoint, Moment, Row, SockId, State};

/// How long a row waits at most, nanoseconds: longer than a processor is ever stopped, or taken from the thread, between
/// the two events. Until a child's endpoints are known, the end of its request socket is not the end of a half-open
/// connection.
const MAX_WAIT_NS: u64 = 1_000_000_000;

/// When the source is asked for a connecting socket's endpoints first, after the row's time, nanoseconds: much longer than
/// it takes to send a SYN, and early enough that later rows still wait for this one.
const FIRST_REQUEST_NS: u64 = 2_000_000;

/// The waiting rows by the kernel's socket. A connection has one at most, its first.
#[derive(Debug, Default)]
pub(super) struct PendingRows {
    rows: FxHashMap<u64, PendingRow>,
    /// When the source is to be asked for the endpoints of connecting sockets: CLOCK_MONOTONIC in nanoseconds, and the socket.
    requests: BTreeSet<(u64, u64)>,
    /// The sockets of CLOSE→SYN_SENT by time: CLOCK_MONOTONIC in nanoseconds, and the socket.
    connecting: BTreeSet<(u64, u64)>,
    /// The same of children.
    children: BTreeSet<(u64, u64)>,
}

#[derive(Debug)]
struct PendingRow {
    row: Row,
    /// The time of its entry in `requests`.
    request_ns: u64,
}

impl PendingRows {
    /// When the oldest row happened, CLOCK_MONOTONIC in nanoseconds.
    pub(super) fn oldest_ns(&self) -> Option<u64> {
        self.first().map(|(at_ns, _)| at_ns)
    }

    fn first(&self) -> Option<(u64, u64)> {
        [&self.connecting, &self.children].into_iter().filter_map(BTreeSet::first).min().copied()
    }

    /// When the next row has waited for too long, or the source is to be asked for its endpoints: CLOCK_MONOTONIC in
    /// nanoseconds.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        let too_long_ns = self.oldest_ns().map(|at_ns| at_ns + MAX_WAIT_NS);
        let request_ns = self.requests.first().map(|(request_ns, _)| *request_ns);
        too_long_ns.into_iter().chain(request_ns).min()
    }

    /// The connecting sockets whose endpoints the source is to be asked for now. Each is asked for again after twice the
    /// time.
    pub(super) fn take_requests(&mut self, now: Moment) -> Vec<u64> {
        let mut due = Vec::new();
        while let Some(&(request_ns, key)) = self.requests.first()
            && request_ns <= now.mono_ns
        {
            self.requests.pop_first();
            let Some(pending) = self.rows.get_mut(&key) else { continue };
            let at_ns = pending.row.at.mono_ns;
            pending.request_ns = at_ns + 2 * now.mono_ns.saturating_sub(at_ns);
            self.requests.insert((pending.request_ns, key));
            due.push(key);
        }
        due
    }

    /// Whether a child that was created at `at` or before still waits for its endpoints.
    pub(super) fn has_child_since(&self, at: Moment) -> bool {
        self.children.first().is_some_and(|(at_ns, _)| *at_ns <= at.mono_ns)
    }

    pub(super) fn insert(&mut self, key: u64, row: Row) {
        self.sockets_like(&row).insert((row.at.mono_ns, key));
        let request_ns = row.at.mono_ns + FIRST_REQUEST_NS;
        if row.old_state != Some(State::Listen) {
            self.requests.insert((request_ns, key));
        }
        self.rows.insert(key, PendingRow { row, request_ns });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len().max(self.connecting.len() + self.children.len()).max(self.requests.len())
    }

    fn remove(&mut self, key: u64) -> Option<Row> {
        let PendingRow { row, request_ns } = self.rows.remove(&key)?;
        self.requests.remove(&(request_ns, key));
        self.sockets_like(&row).remove(&(row.at.mono_ns, key));
        Some(row)
    }

    fn sockets_like(&mut self, row: &Row) -> &mut BTreeSet<(u64, u64)> {
        if row.old_state == Some(State::Listen) { &mut self.children } else { &mut self.connecting }
    }

    /// Takes out the row of a connection whose endpoints are known now, with these filled in.
    pub(super) fn complete(&mut self, key: u64, connection: &Connection) -> Option<Row> {
        let mut row = self.remove(key)?;
        connection.fill_in_endpoints(&mut row);
        Some(row)
    }

    /// Drops the row: another event has reported the transition already.
    pub(super) fn discard(&mut self, key: u64) {
        self.remove(key);
    }

    /// Emits the row as it is, if there is one.
    pub(super) fn release(&mut self, key: u64, emit: &mut dyn FnMut(&Row)) {
        if let Some(row) = self.remove(key) {
            emit(&row);
        }
    }

    /// Emits the rows that have waited for too long.
    pub(super) fn release_old(&mut self, now: Moment, emit: &mut dyn FnMut(&Row)) {
        while let Some((at_ns, key)) = self.first()
            && now.mono_ns.saturating_sub(at_ns) > MAX_WAIT_NS
        {
            self.release(key, emit);
        }
    }

    /// Emits all rows.
    pub(super) fn release_all(&mut self, emit: &mut dyn FnMut(&Row)) {
        while let Some((_, key)) = self.first() {
            self.release(key, emit);
        }
    }
}

impl Table {
    /// A connecting socket sends its SYN, or a Fast Open child its SYN-ACK.
    pub(super) fn first_segment_is_sent(&mut self, sock: SockId) {
        if let Some(connection) = self.connections.get_mut(&sock.sk).filter(|known| known.can_be(sock)) {
            connection.first_segment_is_sent();
        }
    }

    /// An event has the endpoints of a socket.
    pub(super) fn tuple_reported(
        &mut self,
        sock: SockId,
        local: Endpoint,
        remote: Endpoint,
        emit: &mut dyn FnMut(&Row),
    ) {
        if self.connections.get(&sock.sk).is_some_and(|known| known.can_be(sock)) {
            self.learn_endpoints(sock.sk, local, remote, emit);
        }
    }

    /// Takes over the endpoints of an event, and emits the row that waited for them. Returns false if the table has no place
    /// for the connection.
    pub(super) fn learn_endpoints(
        &mut self,
        key: u64,
        local: Endpoint,
        remote: Endpoint,
        emit: &mut dyn FnMut(&Row),
    ) -> bool {
        let Some(connection) = self.connections.get_mut(&key) else { return true };
        if !connection.learn_endpoints(local, remote) {
            return true;
        }
        if self.take_over_half_open(key) {
            // The half-open connection has emitted this row already.
            self.pending_rows.discard(key);
        } else if let Some(connection) = self.connections.get(&key)
            && let Some(row) = self.pending_rows.complete(key, connection)
        {
            if !self.has_place(key) {
                return false;
            }
            self.emit(key, &row, emit);
        }
        true
    }
}
