//! The rows of before the start: they come before all others, as fast as the reader takes them.

use std::collections::VecDeque;

use crate::model::Row;

/// How many of the others wait at most: the trace begins late rather than never.
const MOST_HELD: usize = 200_000;

/// Rows that wait.
#[derive(Debug, Default)]
pub(super) struct InitialRows {
    rows: VecDeque<Row>,
    held: Vec<Row>,
    is_complete: bool,
}

impl InitialRows {
    /// A row of before the start.
    pub(super) fn add(&mut self, row: Row) {
        self.rows.push_back(row);
    }

    /// Any other row; says whether more of them may wait.
    pub(super) fn hold(&mut self, row: Row) -> bool {
        self.held.push(row);
        self.held.len() < MOST_HELD
    }

    /// No row of before the start will follow.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// The next row of before the start.
    pub(super) fn next(&mut self) -> Option<Row> {
        self.rows.pop_front()
    }

    /// Whether the others need not wait any longer.
    pub(super) fn is_over(&self) -> bool {
        self.is_complete && self.rows.is_empty()
    }

    /// All that waits, in its order.
    pub(super) fn into_rows(self) -> impl Iterator<Item = Row> {
        self.rows.into_iter().chain(self.held)
    }
}
