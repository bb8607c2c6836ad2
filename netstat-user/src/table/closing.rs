//! The end: a full socket closes, and what is left of the connection may rest in a timewait socket.
//!
//! `tcp_time_wait` (net/ipv4/tcp_minisocks.c) starts the timewait socket's timer and then closes the
//! full socket: the start comes first, on the same CPU, with the same ends.

use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Interest, Table, reason, tcp_stats, tuple::Tuple};
use crate::model::{CloseReason, ConnId, MinisockCreated, MinisockRemoved, Moment, Row, State, Transition};

/// A timer that is moved is stopped and started within microseconds; one that has not been started
/// for this long (nanoseconds) has ended.
const PATIENCE_NS: u64 = 2_000_000;
/// A full socket closes microseconds after its timewait socket starts; this is far longer (nanoseconds).
const FORGOTTEN_NS: u64 = 1_000_000_000;

/// What is on its way from a full socket to a timewait socket, and minisockets on their way out.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// Timewait sockets whose full socket has not closed yet.
    started: FxHashMap<Tuple, Started>,
    /// The same by time, oldest first: the close may be lost, or left out by a filter.
    started_in_order: VecDeque<(u64, Tuple)>,
    /// Minisockets whose timer was stopped, oldest first, and which connections they are: their address may be
    /// another's soon.
    stopped: VecDeque<(ConnId, MinisockRemoved)>,
}

/// A timewait socket that waits for its full socket's end.
#[derive(Clone, Copy, Debug)]
struct Started {
    key: u64,
    state: State,
    at_ns: u64,
}

impl Closing {
    fn start(&mut self, ends: Tuple, started: Started) {
        self.started.insert(ends, started);
        self.started_in_order.push_back((started.at_ns, ends));
    }

    /// Forgets timewait sockets whose full socket should have closed long ago.
    fn forget_old(&mut self, now: Moment) {
        while let Some((at_ns, ends)) = self.started_in_order.front().copied()
            && now.mono_ns.saturating_sub(at_ns) > FORGOTTEN_NS
        {
            self.started_in_order.pop_front();
            if self.started.get(&ends).is_some_and(|started| started.at_ns == at_ns) {
                self.started.remove(&ends);
            }
        }
    }
}

impl Table {
    /// A full socket goes to CLOSE: the connection is over, or rests from now on.
    pub(super) fn close(&mut self, change: &Transition, emit: &mut dyn FnMut(&Row) -> Interest) {
        let key = change.sock.sk;
        let keeps = self.keeps;
        let Some(mut connection) = self.connections.remove(&key) else { return };
        self.tombstones.mark(key, change.at);
        self.listeners.remove(change.netns, change.local, key);
        let rest = connection.minisock_ends().and_then(|ends| self.closing.started.remove(&ends));
        connection.is_minisock_now(rest.is_some());
        let peer_has_closed = rest.is_some_and(|rest| rest.state == State::TimeWait);
        connection.set_tcp_stats(change.kernel_tcp_stats.map(|kernel_tcp_stats| {
            tcp_stats::at_close(
                &kernel_tcp_stats,
                connection.direction(),
                change.old,
                change.error,
                peer_has_closed,
            )
        }));
        let new = match rest {
            Some(Started { key, state: State::FinWait2, .. }) => {
                // The full socket is gone, the connection is where it was.
                self.connections.insert(key, connection);
                return;
            }
            Some(Started { state, .. }) => state,
            None => State::Close,
        };
        let change = Transition { new, ..*change };
        let mut row = connection.change(&change, keeps, self.capabilities.source);
        row.close_reason = reason::of_full_socket(&change);
        row.tcp_stats = connection.tcp_stats();
        match rest {
            Some(Started { key, .. }) => {
                self.connections.insert(key, connection);
                self.show(key, &row, emit);
            }
            None => {
                emit(&row);
            }
        }
    }

    /// A timewait socket's timer starts: the connection rests, or has left FIN_WAIT2 for TIME_WAIT.
    pub(super) fn rest_starts(&mut self, start: &MinisockCreated, emit: &mut dyn FnMut(&Row) -> Interest) {
        let key = start.sock.sk;
        if self.go_on_if_known(start, emit) {
            if start.state == State::TimeWait {
                self.enter_time_wait(key, start.at, emit);
            }
        } else {
            self.tombstones.timewait_started(key, start.state, start.at);
            self.closing
                .start(Tuple::of(start), Started { key, state: start.state, at_ns: start.at.mono_ns });
        }
    }

    /// A segment finds a timewait socket in TIME_WAIT. If its timer has been stopped, this is its last.
    pub(super) fn rest_is_seen(&mut self, seen: &MinisockCreated, emit: &mut dyn FnMut(&Row) -> Interest) {
        let key = seen.sock.sk;
        if self.is_same(seen) {
            if self.position_in_stopped(key).is_none() {
                self.enter_time_wait(key, seen.at, emit);
            }
            return;
        }
        self.tombstones.seen_in_time_wait(key, seen.at);
        if let Some(started) =
            self.closing.started.get_mut(&Tuple::of(seen)).filter(|started| started.key == key)
        {
            started.state = seen.state;
        }
    }

    /// Whether the minisocket is known and goes on; another connection at its address has ended.
    pub(super) fn go_on_if_known(
        &mut self,
        start: &MinisockCreated,
        emit: &mut dyn FnMut(&Row) -> Interest,
    ) -> bool {
        let key = start.sock.sk;
        self.tombstones.unmark(key);
        if self.is_same(start) {
            if let Some(index) = self.position_in_stopped(key) {
                self.closing.stopped.remove(index);
            }
            return true;
        }
        self.end_known(key, start.at, emit);
        false
    }

    /// Whether the minisocket is one that the table knows. Soon after its end its address may have another, of
    /// another connection between the same ends: the cookie tells.
    fn is_same(&self, start: &MinisockCreated) -> bool {
        self.connections.get(&start.sock.sk).is_some_and(|known| {
            known.ends() == Some(Tuple::of(start)) && known.is_minisock() && known.can_be(start.sock)
        })
    }

    /// Of the minisocket at `key`: its connection may have had another just before, the request socket.
    fn position_in_stopped(&self, key: u64) -> Option<usize> {
        let known = self.connections.get(&key)?.id();
        self.closing.stopped.iter().position(|(conn, stop)| *conn == known && stop.sk == key)
    }

    /// What is known at an address has ended, since another is there: its timer was stopped, or its end was missed.
    pub(super) fn end_known(&mut self, key: u64, at: Moment, emit: &mut dyn FnMut(&Row) -> Interest) {
        if let Some(index) = self.position_in_stopped(key)
            && let Some((conn, stop)) = self.closing.stopped.remove(index)
        {
            self.finish(conn, &stop, emit);
        }
        self.repair_end(key, at, emit);
    }

    /// FIN_WAIT2→TIME_WAIT within a timewait socket.
    pub(super) fn enter_time_wait(&mut self, key: u64, at: Moment, emit: &mut dyn FnMut(&Row) -> Interest) {
        let source = self.capabilities.source;
        let Some(connection) = self.connections.get_mut(&key) else { return };
        if connection.state() != State::FinWait2 {
            return;
        }
        let mut row = connection.go(State::TimeWait, at, source);
        row.close_reason = Some(CloseReason::FinLocal);
        row.tcp_stats = connection.tcp_stats();
        self.show(key, &row, emit);
    }

    /// A minisocket's timer was stopped; what that means is known a moment later.
    pub(super) fn minisock_stops(&mut self, stop: &MinisockRemoved, emit: &mut dyn FnMut(&Row) -> Interest) {
        if stop.state == State::TimeWait {
            self.enter_time_wait(stop.sk, stop.at, emit);
        }
        // Of one that the table doesn't know, too: the look that is under way may have found it just before.
        self.tombstones.mark(stop.sk, stop.at);
        if let Some(known) = self.connections.get(&stop.sk).filter(|known| known.is_minisock()) {
            self.closing.stopped.push_back((known.id(), *stop));
        }
    }

    /// The connections whose timer was stopped: whether that is their end is not known yet.
    pub(super) fn stopping(&self) -> FxHashSet<ConnId> {
        self.closing.stopped.iter().map(|(conn, _)| *conn).collect()
    }

    pub(super) fn minisocks_stop(&self) -> bool {
        !self.closing.stopped.is_empty()
    }

    /// Tuple the minisockets whose timer has been stopped for long enough.
    pub(super) fn finish_stopped(&mut self, now: Moment, emit: &mut dyn FnMut(&Row) -> Interest) {
        self.closing.forget_old(now);
        while let Some((conn, stop)) = self.closing.stopped.front().copied()
            && now.mono_ns.saturating_sub(stop.at.mono_ns) > PATIENCE_NS
            // Up to 6.12 the child that a half-open connection became may not show its ends yet.
            && !(stop.state == State::SynRecv && self.pending_rows.has_child_since_before(stop.at))
        {
            self.closing.stopped.pop_front();
            self.finish(conn, &stop, emit);
        }
    }

    fn finish(&mut self, conn: ConnId, stop: &MinisockRemoved, emit: &mut dyn FnMut(&Row) -> Interest) {
        let source = self.capabilities.source;
        if self.connections.get(&stop.sk).is_none_or(|known| known.id() != conn) {
            return;
        }
        let Some(mut connection) = self.connections.remove(&stop.sk) else { return };
        self.tombstones.mark(stop.sk, stop.at);
        if let Some(ends) = connection.ends() {
            self.forget_half_open(&ends, stop.sk);
        }
        let listener_is_gone = connection.listener().is_some_and(|listener| {
            // Another socket may have its address by now.
            !self.connections.get(&listener).is_some_and(|other| other.listens_for(&connection))
        });
        let reason = reason::of_minisock(connection.state(), stop.expired, listener_is_gone);
        let mut row = connection.go(State::Close, stop.at, source);
        row.close_reason = Some(reason);
        emit(&row);
    }
}
