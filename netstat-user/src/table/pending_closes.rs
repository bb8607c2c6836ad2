//! The last rows of connections that wait for an RST of this host, which tells why the connection ended.
//!
//! The kernel sends it microseconds after the socket's transition to CLOSE, in the same context (`__tcp_close`,
//! `tcp_disconnect`, net/ipv4/tcp.c; `tcp_v4_do_rcv`, net/ipv4/tcp_ipv4.c). A process may be interrupted between the two.

use std::collections::VecDeque;

use super::Table;
use crate::model::{CloseReason, Moment, ResetSent, Row};

/// How long a row waits at most for an RST that a softirq sends, nanoseconds.
const MAX_WAIT_NS: u64 = 5_000_000;
/// The same for an RST that a process sends.
const MAX_WAIT_FOR_PROCESS_NS: u64 = 100_000_000;

/// The waiting rows, oldest first. They are few: the RST follows at once, unless the connection ends in an unusual way.
#[derive(Debug, Default)]
pub(super) struct PendingCloses {
    rows: VecDeque<PendingClose>,
}

#[derive(Debug)]
struct PendingClose {
    key: u64,
    row: Row,
    reason_if_reset: CloseReason,
    /// Until when the row waits, CLOCK_MONOTONIC in nanoseconds.
    due_ns: u64,
}

impl PendingCloses {
    /// When the oldest row happened, CLOCK_MONOTONIC in nanoseconds.
    pub(super) fn oldest_ns(&self) -> Option<u64> {
        self.rows.front().map(|pending| pending.row.at.mono_ns)
    }

    /// When the next row has waited for too long, CLOCK_MONOTONIC in nanoseconds.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        self.rows.iter().map(|pending| pending.due_ns).min()
    }

    /// `by_process`: whether a process may be about to send the RST.
    pub(super) fn insert(&mut self, key: u64, row: Row, reason_if_reset: CloseReason, by_process: bool) {
        let max_wait_ns = if by_process { MAX_WAIT_FOR_PROCESS_NS } else { MAX_WAIT_NS };
        let due_ns = row.at.mono_ns + max_wait_ns;
        self.rows.push_back(PendingClose { key, row, reason_if_reset, due_ns });
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    fn take(&mut self, key: u64) -> Option<PendingClose> {
        let index = self.rows.iter().rposition(|pending| pending.key == key)?;
        self.rows.remove(index)
    }

    /// Emits the row of the socket as it is, if there is one: the socket begins another connection.
    pub(super) fn release(&mut self, key: u64, emit: &mut dyn FnMut(&Row)) {
        if let Some(pending) = self.take(key) {
            emit(&pending.row);
        }
    }

    /// Emits the rows that have waited for too long.
    pub(super) fn release_old(&mut self, now: Moment, emit: &mut dyn FnMut(&Row)) {
        self.rows.retain(|pending| {
            let waits = now.mono_ns <= pending.due_ns;
            if !waits {
                emit(&pending.row);
            }
            waits
        });
    }

    /// Emits all rows.
    pub(super) fn release_all(&mut self, emit: &mut dyn FnMut(&Row)) {
        self.rows.drain(..).for_each(|pending| emit(&pending.row));
    }
}

impl Table {
    /// This host sent an RST: a row may wait for that, or the connection will end in a moment.
    pub(super) fn reset_sent(&mut self, reset: &ResetSent, emit: &mut dyn FnMut(&Row)) {
        let key = match &reset.half_open {
            Some(half_open) => self.half_open.request(half_open),
            None => Some(reset.sk),
        };
        let Some(key) = key else { return };
        if let Some(PendingClose { mut row, reason_if_reset, .. }) = self.pending_closes.take(key) {
            row.close_reason = Some(reason_if_reset);
            row.reset_cause = reset.cause;
            emit(&row);
        } else if let Some(connection) = self.connections.get_mut(&key) {
            connection.reset_sent(reset);
        }
    }
}
