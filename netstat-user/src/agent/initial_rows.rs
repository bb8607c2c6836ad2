//! The rows of connections that existed before the trace. They go out before all others, as fast as the output takes
//! them; the others wait.

use std::collections::VecDeque;

use crate::model::Row;

/// How many other rows wait at most. Beyond that the rows no longer wait, so that the trace begins.
const MAX_WAITING: usize = 200_000;

/// The rows of one output that wait.
#[derive(Debug, Default)]
pub(super) struct InitialRows {
    existing: VecDeque<Row>,
    others: Vec<Row>,
    is_complete: bool,
}

impl InitialRows {
    /// Adds the row of a connection that existed before the trace.
    pub(super) fn add_existing(&mut self, row: Row) {
        self.existing.push_back(row);
    }

    /// Adds any other row; returns false if no more may wait.
    pub(super) fn add_other(&mut self, row: Row) -> bool {
        self.others.push(row);
        self.others.len() < MAX_WAITING
    }

    /// No more rows of connections that existed before the trace follow.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Takes the next row of a connection that existed before the trace.
    pub(super) fn next_existing(&mut self) -> Option<Row> {
        self.existing.pop_front()
    }

    /// Whether the other rows need not wait any longer.
    pub(super) fn is_over(&self) -> bool {
        self.is_complete && self.existing.is_empty()
    }

    /// All rows in their order.
    pub(super) fn into_rows(self) -> impl Iterator<Item = Row> {
        self.existing.into_iter().chain(self.others)
    }
}
