//! Rows that wait, for a moment, until their connection's ends are known.
//!
//! At CLOSE→SYN_SENT the kernel has not chosen the local port, and up to 6.12 a child still shows its
//! listener's ends at LISTEN→SYN_RECV; microseconds later it tells. The row waits for that, so that
//! it is right; rows of other connections go by.

use rustc_hash::FxHashMap;

use super::connection::Connection;
use crate::model::{Moment, Row, State};

/// How long a row waits at most, nanoseconds: far longer than a connect() takes to send its SYN, on a busy machine too.
pub(super) const PATIENCE_NS: u64 = 1_000_000_000;

/// The waiting rows, by the kernel's socket: a connection has one at most, its first.
#[derive(Debug, Default)]
pub(super) struct PendingRows {
    rows: FxHashMap<u64, Row>,
}

impl PendingRows {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether a child that began before `at` still waits for its ends.
    pub(super) fn has_child_since_before(&self, at: Moment) -> bool {
        self.rows.values().any(|row| row.old_state == Some(State::Listen) && row.at <= at)
    }

    pub(super) fn hold(&mut self, key: u64, row: Row) {
        self.rows.insert(key, row);
    }

    /// The row of a connection whose ends are known now, filled in.
    pub(super) fn complete(&mut self, key: u64, connection: &Connection) -> Option<Row> {
        let mut row = self.rows.remove(&key)?;
        connection.complete(&mut row);
        Some(row)
    }

    /// Drops the row: it has been told otherwise.
    pub(super) fn discard(&mut self, key: u64) {
        self.rows.remove(&key);
    }

    /// Emits the row as it is, if there is one.
    pub(super) fn release(&mut self, key: u64, emit: impl FnOnce(&Row)) {
        if let Some(row) = self.rows.remove(&key) {
            emit(&row);
        }
    }

    /// Emits the rows that have waited in vain, oldest first.
    pub(super) fn release_old(&mut self, now: Moment, emit: impl FnMut(&Row)) {
        self.release_if(|row| now.mono_ns.saturating_sub(row.at.mono_ns) > PATIENCE_NS, emit);
    }

    /// Emits all, oldest first.
    pub(super) fn release_all(&mut self, emit: impl FnMut(&Row)) {
        self.release_if(|_| true, emit);
    }

    fn release_if(&mut self, due: impl Fn(&Row) -> bool, mut emit: impl FnMut(&Row)) {
        let mut rows: Vec<Row> = self.rows.extract_if(|_, row| due(row)).map(|(_, row)| row).collect();
        rows.sort_by_key(|row| row.at);
        for row in &rows {
            emit(row);
        }
    }
}
