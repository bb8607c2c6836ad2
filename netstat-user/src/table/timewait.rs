//! The end of a connection: its full socket closes, and a timewait socket may represent the connection from then on.
//!
//! `tcp_time_wait` (net/ipv4/tcp_minisocks.c) creates the timewait socket and starts its timer, then closes the full
//! socket: the creation comes first, on the same CPU, with the same tuple.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{
    Table, reason,
    removed_minisocks::{RemovedMinisocks, is_certain},
    tcp_stats,
    tuple::Tuple,
};
use crate::model::{
    CloseReason, ConnId, MinisockCreated, MinisockRemoved, Moment, Protocol, Row, State, Transition,
};

/// A full socket closes microseconds after its timewait socket is created; this is far longer (nanoseconds).
const MAX_CREATED_AGE_NS: u64 = 1_000_000_000;

/// Timewait sockets whose full socket has not closed yet, and minisockets whose removal is not certain yet.
#[derive(Debug, Default)]
pub(super) struct Minisocks {
    /// Timewait sockets whose full socket has not closed yet.
    created: FxHashMap<Tuple, CreatedTimewait>,
    /// The same by time, oldest first. The full socket's close may have been lost, or a filter may omit it.
    created_in_order: VecDeque<(u64, Tuple)>,
    pub(super) removed: RemovedMinisocks,
}

/// A timewait socket whose full socket has not closed yet.
#[derive(Clone, Copy, Debug)]
struct CreatedTimewait {
    key: u64,
    state: State,
    at_ns: u64,
}

impl Minisocks {
    fn created(&mut self, tuple: Tuple, timewait: CreatedTimewait) {
        self.created.insert(tuple, timewait);
        self.created_in_order.push_back((timewait.at_ns, tuple));
    }

    /// Whether a timewait socket with this tuple was created and its full socket has not closed yet.
    pub(super) fn is_being_replaced(&self, full: &Tuple) -> bool {
        self.created.contains_key(full)
    }

    /// Whether the full socket of this timewait socket has not closed yet.
    pub(super) fn is_about_to_replace(&self, key: u64, timewait: &Tuple) -> bool {
        self.created.get(timewait).is_some_and(|created| created.key == key)
    }

    #[cfg(test)]
    pub(super) fn created_sizes(&self) -> [usize; 2] {
        [self.created.len(), self.created_in_order.len()]
    }

    /// Forgets timewait sockets whose full socket should have closed long ago.
    fn forget_old(&mut self, now: Moment) {
        while let Some((at_ns, tuple)) = self.created_in_order.front().copied()
            && now.mono_ns.saturating_sub(at_ns) > MAX_CREATED_AGE_NS
        {
            self.created_in_order.pop_front();
            if self.created.get(&tuple).is_some_and(|timewait| timewait.at_ns == at_ns) {
                self.created.remove(&tuple);
            }
        }
    }
}

impl Table {
    /// A full socket goes to CLOSE: the connection ends, or a timewait socket represents it from now on.
    pub(super) fn close(&mut self, change: &Transition, emit: &mut dyn FnMut(&Row)) {
        let key = change.sock.sk;
        let Some(mut connection) = self.connections.remove(&key) else { return };
        self.tombstones.mark(key, change.at.mono_ns);
        self.listeners.remove(change.netns, change.local, key);
        let timewait = connection.minisock_tuple().and_then(|tuple| self.minisocks.created.remove(&tuple));
        connection.set_is_minisock(timewait.is_some());
        let peer_has_closed = timewait.is_some_and(|timewait| timewait.state == State::TimeWait);
        let is_attempt = change.old == State::SynSent;
        let kernel_tcp_stats = change.kernel_tcp_stats.filter(|_| !is_attempt);
        connection.set_tcp_stats(kernel_tcp_stats.map(|kernel| {
            tcp_stats::at_close(&kernel, connection.direction(), change.old, change.error, peer_has_closed)
        }));
        let new = match timewait {
            Some(CreatedTimewait { key, state: State::FinWait2, .. }) => {
                // The full socket is gone, but the connection is still in FIN_WAIT2.
                self.note_subflow_end(connection.tuple(), Some(CloseReason::FinLocal));
                self.connections.insert(key, connection);
                return;
            }
            Some(CreatedTimewait { state, .. }) => state,
            None => State::Close,
        };
        let change = Transition { new, ..*change };
        let mut row = connection.change(&change, self.owner_policy, self.capabilities.source);
        let ending = reason::of_full_socket(&change, connection.evidence());
        let ending = self.with_mptcp(&change, connection.tuple(), ending);
        row.close_reason = ending.reason;
        row.reset_cause = ending.reset_cause;
        row.tcp_stats = connection.tcp_stats();
        let is_seen_without_syn = row.syn_retransmits.is_some()
            && self.capabilities.tuples
            && !connection.evidence().syn_was_sent();
        if ending.reason == Some(CloseReason::Abandoned) && is_seen_without_syn {
            // TCP_FASTOPEN_CONNECT leaves the SYN to the first data: there is none that had no answer.
            row.syn_retransmits = None;
        } else if is_attempt && let Some(kernel) = change.kernel_tcp_stats {
            // Only SYNs were sent; the kernel has counted those before the trace too.
            row.syn_retransmits = Some(kernel.retransmits);
        }
        match ending.reason_if_reset {
            // Only MPTCP's subflows send RSTs.
            Some(reason) if self.capabilities.resets_sent && change.protocol == Protocol::Tcp => {
                // close() and disconnect() have the socket still; an error is set where a packet arrives.
                let by_process = change.error == Some(0) && change.has_socket != Some(false);
                self.pending_closes.insert(key, row, reason, by_process);
            }
            _ => emit(&row),
        }
        if let Some(CreatedTimewait { key, .. }) = timewait {
            self.connections.insert(key, connection);
            self.in_time_wait(key);
            self.retain_or_remove(key, &row);
        }
    }

    /// A timewait socket was created, or its timer was moved: FIN_WAIT2→TIME_WAIT moves it.
    pub(super) fn timewait_created(&mut self, minisock: &MinisockCreated, emit: &mut dyn FnMut(&Row)) {
        let key = minisock.sock.sk;
        if self.keep_known_minisock(minisock, emit) {
            if minisock.state == State::TimeWait {
                self.enter_time_wait(key, minisock.at, emit);
            }
        } else {
            self.tombstones.timewait_started(key, minisock.state, minisock.at);
            let timewait = CreatedTimewait { key, state: minisock.state, at_ns: minisock.at.mono_ns };
            self.minisocks.created(Tuple::of(minisock), timewait);
        }
    }

    /// A segment arrived for a timewait socket in TIME_WAIT. If the socket's timer was cancelled before, that segment
    /// ended it.
    pub(super) fn timewait_observed(&mut self, observed: &MinisockCreated, emit: &mut dyn FnMut(&Row)) {
        let key = observed.sock.sk;
        if self.is_known_minisock(observed) {
            if !self.is_removed(key) {
                self.enter_time_wait(key, observed.at, emit);
            }
            return;
        }
        self.tombstones.seen_in_time_wait(key, observed.at);
        let created = self.minisocks.created.get_mut(&Tuple::of(observed));
        if let Some(timewait) = created.filter(|timewait| timewait.key == key) {
            timewait.state = observed.state;
        }
    }

    /// Whether the table knows the minisocket; then it is not removed. If not, what the table knows at its address
    /// has ended.
    pub(super) fn keep_known_minisock(
        &mut self,
        minisock: &MinisockCreated,
        emit: &mut dyn FnMut(&Row),
    ) -> bool {
        let key = minisock.sock.sk;
        self.tombstones.unmark(key, minisock.at.mono_ns);
        if self.is_known_minisock(minisock) {
            self.take_removed(key);
            return true;
        }
        self.end_previous(key, minisock.at, emit);
        false
    }

    /// Whether the table knows the minisocket. Soon after its end another connection's may have its address and the
    /// same tuple: the cookie differs.
    fn is_known_minisock(&self, minisock: &MinisockCreated) -> bool {
        self.connections.get(&minisock.sock.sk).is_some_and(|known| {
            known.tuple() == Some(Tuple::of(minisock)) && known.is_minisock() && known.can_be(minisock.sock)
        })
    }

    /// Whether the timer of the minisocket at `key` was cancelled.
    fn is_removed(&self, key: u64) -> bool {
        self.connections.get(&key).is_some_and(|known| self.minisocks.removed.contains(key, known.id()))
    }

    /// Takes out the removal of the minisocket at `key`. Its connection may have had another one just before, the
    /// request socket.
    fn take_removed(&mut self, key: u64) -> Option<(ConnId, MinisockRemoved)> {
        let known = self.connections.get(&key)?.id();
        self.minisocks.removed.take(key, known).map(|removed| (known, removed))
    }

    /// Ends the connection that was known at an address where another socket is now: its minisocket's timer was
    /// cancelled, or its end was missed.
    pub(super) fn end_previous(&mut self, key: u64, at: Moment, emit: &mut dyn FnMut(&Row)) {
        if let Some((conn, removed)) = self.take_removed(key) {
            self.end_minisock(conn, &removed, emit);
        }
        self.pending_closes.release(key, emit);
        self.repair_end(key, at, emit);
    }

    /// FIN_WAIT2→TIME_WAIT of a timewait socket.
    pub(super) fn enter_time_wait(&mut self, key: u64, at: Moment, emit: &mut dyn FnMut(&Row)) {
        let source = self.capabilities.source;
        let Some(connection) = self.connections.get_mut(&key) else { return };
        if connection.state() != State::FinWait2 {
            return;
        }
        let mut row = connection.change_state(State::TimeWait, at, source);
        row.close_reason = Some(CloseReason::FinLocal);
        row.tcp_stats = connection.tcp_stats();
        self.in_time_wait(key);
        self.emit(key, &row, emit);
    }

    /// A minisocket's timer was cancelled. That is its end, unless the timer is started again at once.
    pub(super) fn minisock_removed(&mut self, removed: &MinisockRemoved, emit: &mut dyn FnMut(&Row)) {
        if removed.state == State::TimeWait {
            self.enter_time_wait(removed.sk, removed.at, emit);
        }
        // Even one that the table doesn't know: a snapshot that is being taken may have found it just before.
        self.tombstones.mark(removed.sk, removed.at.mono_ns);
        if let Some(known) = self.connections.get(&removed.sk).filter(|known| known.is_minisock()) {
            self.minisocks.removed.insert(known.id(), *removed);
        }
    }

    /// The oldest removal of a minisocket whose connection is still open: it may end at that time.
    pub(super) fn oldest_removed(&mut self) -> Option<MinisockRemoved> {
        let Self { connections, minisocks, .. } = self;
        minisocks.removed.oldest(|key, conn| connections.get(&key).is_some_and(|known| known.id() == conn))
    }

    /// Ends the connections whose minisocket's timer was cancelled long enough ago.
    pub(super) fn end_removed_minisocks(&mut self, now: Moment, emit: &mut dyn FnMut(&Row)) {
        self.minisocks.forget_old(now);
        while let Some(removed) = self.oldest_removed()
            && is_certain(&removed, now)
            // Up to 6.12 the child of a half-open connection may not have its own endpoints yet.
            && !(removed.state == State::SynRecv && self.pending_rows.has_child_since(removed.at))
            && let Some((conn, removed)) = self.take_removed(removed.sk)
        {
            self.end_minisock(conn, &removed, emit);
        }
    }

    fn end_minisock(&mut self, conn: ConnId, removed: &MinisockRemoved, emit: &mut dyn FnMut(&Row)) {
        let source = self.capabilities.source;
        if self.connections.get(&removed.sk).is_none_or(|known| known.id() != conn) {
            return;
        }
        let Some(mut connection) = self.connections.remove(&removed.sk) else { return };
        if let Some(tuple) = connection.tuple() {
            self.forget_half_open(&tuple, removed.sk);
        }
        let sees_resets = self.capabilities.resets_sent;
        let state = connection.state();
        let ending = reason::of_minisock(state, removed, connection.evidence(), sees_resets);
        let mut row = connection.change_state(State::Close, removed.at, source);
        row.close_reason = ending.reason;
        row.reset_cause = ending.reset_cause;
        // FIN_WAIT2 after close(): the full socket's, for which no row has shown them.
        row.tcp_stats = connection.tcp_stats().filter(|_| state == State::FinWait2);
        emit(&row);
    }
}
