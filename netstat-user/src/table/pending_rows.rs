//! First rows of connections that wait until both endpoints are known.
//!
//! At CLOSE→SYN_SENT the kernel has not chosen the local port yet. Up to 6.12 a child still has its listener's
//! endpoints at LISTEN→SYN_RECV. A later event, microseconds after it, has the endpoints; the row waits for that
//! event. Rows of other connections don't wait.

use rustc_hash::FxHashMap;

use super::connection::Connection;
use crate::model::{Moment, Row, State};

/// How long a row waits at most, nanoseconds: far longer than connect() takes to send its SYN, even on a busy host.
pub(super) const MAX_WAIT_NS: u64 = 1_000_000_000;

/// The waiting rows by the kernel's socket. A connection has one at most, its first.
#[derive(Debug, Default)]
pub(super) struct PendingRows {
    rows: FxHashMap<u64, Row>,
}

impl PendingRows {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a child that was created at `at` or before still waits for its endpoints.
    pub(super) fn has_child_since(&self, at: Moment) -> bool {
        self.rows.values().any(|row| row.old_state == Some(State::Listen) && row.at <= at)
    }

    pub(super) fn insert(&mut self, key: u64, row: Row) {
        self.rows.insert(key, row);
    }

    /// Takes out the row of a connection whose endpoints are known now, with these filled in.
    pub(super) fn complete(&mut self, key: u64, connection: &Connection) -> Option<Row> {
        let mut row = self.rows.remove(&key)?;
        connection.fill_in_endpoints(&mut row);
        Some(row)
    }

    /// Drops the row: another event has reported the transition already.
    pub(super) fn discard(&mut self, key: u64) {
        self.rows.remove(&key);
    }

    /// Emits the row as it is, if there is one.
    pub(super) fn release(&mut self, key: u64, emit: &mut dyn FnMut(&Row)) {
        if let Some(row) = self.rows.remove(&key) {
            emit(&row);
        }
    }

    /// Emits the rows that have waited for too long, oldest first.
    pub(super) fn release_old(&mut self, now: Moment, emit: &mut dyn FnMut(&Row)) {
        self.release_if(|row| now.mono_ns.saturating_sub(row.at.mono_ns) > MAX_WAIT_NS, emit);
    }

    /// Emits all rows, oldest first.
    pub(super) fn release_all(&mut self, emit: &mut dyn FnMut(&Row)) {
        self.release_if(|_| true, emit);
    }

    fn release_if(&mut self, is_due: impl Fn(&Row) -> bool, emit: &mut dyn FnMut(&Row)) {
        let mut rows: Vec<Row> = self.rows.extract_if(|_, row| is_due(row)).map(|(_, row)| row).collect();
        rows.sort_by_key(|row| row.at);
        rows.iter().for_each(emit);
    }
}
