//! The rows of connections that existed before the trace. They go out as fast as the output takes them; until the last
//! one, the other rows wait, so that all of them are in the order of their times.

use std::collections::VecDeque;

use crate::model::{Moment, Row};

/// How many other rows wait at most. Beyond that the rows no longer wait, so that the trace begins.
const MAX_WAITING: usize = 200_000;

/// The rows of one output that wait.
#[derive(Debug, Default)]
pub(super) struct InitialRows {
    /// Sorted once they are complete.
    existing: VecDeque<Row>,
    /// In their order.
    others: VecDeque<Row>,
    is_complete: bool,
}

impl InitialRows {
    /// Makes room for the rows of that many connections, and for no more: a list that grows takes up to three times as
    /// much memory while it is copied.
    pub(super) fn reserve(&mut self, connections: usize) {
        self.existing.reserve_exact(connections);
    }

    /// Adds the row of a connection that existed before the trace.
    pub(super) fn add_existing(&mut self, row: Row) {
        self.existing.push_back(row);
    }

    /// Adds any other row; returns false if no more may wait.
    pub(super) fn add_other(&mut self, row: Row) -> bool {
        self.others.push_back(row);
        self.others.len() < MAX_WAITING
    }

    /// Whether all rows of connections that existed before the trace are here.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// No more rows of connections that existed before the trace follow.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
        self.existing.make_contiguous().sort_by_key(|row| row.at);
    }

    /// Takes the next row, of a time until `now`; None also if only others wait.
    pub(super) fn next(&mut self, now: Moment) -> Option<Row> {
        let existing = self.existing.front().filter(|row| self.is_complete && row.at <= now)?;
        // Of rows of one time, the state from before the trace comes first.
        match self.others.front() {
            Some(other) if other.at < existing.at => self.others.pop_front(),
            _ => self.existing.pop_front(),
        }
    }

    /// Whether the other rows need not wait any longer.
    pub(super) fn is_over(&self) -> bool {
        self.is_complete && self.existing.is_empty()
    }

    /// All rows in their order.
    pub(super) fn into_rows(mut self) -> VecDeque<Row> {
        self.existing.append(&mut self.others);
        self.existing.make_contiguous().sort_by_key(|row| row.at);
        self.existing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::tests::first_row;

    fn moment(mono_ns: u64) -> Moment {
        Moment { mono_ns, unix_ns: 0 }
    }

    fn waiting() -> InitialRows {
        let row = |mono_ns| Row { at: moment(mono_ns), ..first_row() };
        let mut rows = InitialRows::default();
        rows.add_existing(row(50));
        assert!(rows.add_other(row(30)));
        rows.add_existing(row(10));
        assert!(rows.add_other(row(60)));
        rows
    }

    #[test]
    fn once_they_are_complete_rows_are_taken_in_the_order_of_their_times_until_the_last_from_before_the_trace()
     {
        let mut rows = waiting();
        assert!(!rows.is_complete() && rows.next(moment(99)).is_none());
        rows.complete();
        let mut next = |now| rows.next(moment(now)).map(|row| row.at.mono_ns);
        assert_eq!([next(40), next(40)], [Some(10), None]);
        assert_eq!([next(99), next(99), next(99)], [Some(30), Some(50), None]);
        assert!(rows.is_complete() && rows.is_over());
    }

    #[test]
    fn all_rows_are_given_in_the_order_of_their_times() {
        let times: Vec<u64> = waiting().into_rows().iter().map(|row| row.at.mono_ns).collect();
        assert_eq!(times, [10, 30, 50, 60]);
    }
}
