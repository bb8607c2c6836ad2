//! Puts rows into the order of their times: a row may be known later than rows of other connections that happened
//! after it.

use std::collections::VecDeque;

use crate::model::{ConnId, Row};

/// How many rows wait at most; beyond that the oldest go out. A million transitions in a second, for as long as the
/// table's own rows wait, are fewer.
const MAX_ROWS: usize = 16_384;

/// The rows that wait. Two rows of one connection stay in the order in which they came: that is the kernel's order,
/// and the clocks of two CPUs may differ against it.
#[derive(Debug, Default)]
pub(super) struct RowOrder {
    /// By time. Small entries, because a late row is inserted between others.
    entries: VecDeque<Entry>,
    /// The rows, in no order.
    rows: Vec<Row>,
    /// The unused places in `rows`.
    free: Vec<usize>,
    /// Rows until this time have gone out, CLOCK_MONOTONIC in nanoseconds.
    released_ns: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at_ns: u64,
    conn: ConnId,
    place: usize,
}

impl RowOrder {
    /// How many rows wait.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Rows until this time have gone out, CLOCK_MONOTONIC in nanoseconds.
    pub(super) fn released_ns(&self) -> u64 {
        self.released_ns
    }

    /// Adds a row.
    pub(super) fn push(&mut self, row: &Row) {
        let place = match self.free.pop() {
            Some(place) => {
                self.rows[place] = *row;
                place
            }
            None => {
                self.rows.push(*row);
                self.rows.len() - 1
            }
        };
        let entry = Entry { at_ns: row.at.mono_ns, conn: row.conn, place };
        let comes_before = |other: &Entry| other.at_ns <= entry.at_ns || other.conn == entry.conn;
        let index = self.entries.iter().rposition(comes_before).map_or(0, |index| index + 1);
        self.entries.insert(index, entry);
    }

    /// Emits the rows until this time, oldest first. No older row is expected.
    pub(super) fn release(&mut self, until_ns: u64, mut emit: impl FnMut(&Row)) {
        self.released_ns = self.released_ns.max(until_ns);
        while let Some(first) = self.entries.front().copied()
            && (first.at_ns <= until_ns || self.entries.len() > MAX_ROWS)
        {
            self.entries.pop_front();
            self.free.push(first.place);
            self.released_ns = self.released_ns.max(first.at_ns);
            emit(&self.rows[first.place]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{agent::tests::first_row, model::Moment};

    fn row(conn: u64, mono_ns: u64) -> Row {
        Row { conn: ConnId(conn), at: Moment { mono_ns, unix_ns: 0 }, ..first_row() }
    }

    fn order(rows: &[(u64, u64)]) -> RowOrder {
        let mut order = RowOrder::default();
        rows.iter().for_each(|(conn, at)| order.push(&row(*conn, *at)));
        order
    }

    fn released(order: &mut RowOrder, until_ns: u64) -> Vec<(u64, u64)> {
        let mut rows = Vec::new();
        order.release(until_ns, |row| rows.push((row.conn.0, row.at.mono_ns)));
        rows
    }

    #[test]
    fn rows_go_out_in_the_order_of_their_times_and_those_of_one_time_as_they_came() {
        let mut order = order(&[(1, 30), (2, 10), (3, 20), (4, 10), (5, 40)]);
        assert_eq!(released(&mut order, 30), [(2, 10), (4, 10), (3, 20), (1, 30)]);
        order.push(&row(6, 35));
        assert_eq!(released(&mut order, u64::MAX), [(6, 35), (5, 40)]);
        assert_eq!(order.len(), 0);
    }

    #[test]
    fn the_rows_of_one_connection_stay_in_the_order_in_which_they_came() {
        let mut order = order(&[(1, 30), (2, 25), (1, 20), (3, 22)]);
        assert_eq!(released(&mut order, u64::MAX), [(2, 25), (1, 30), (1, 20), (3, 22)]);
    }

    #[test]
    fn the_number_of_waiting_rows_and_the_memory_for_them_are_bounded() {
        let mut order = RowOrder::default();
        let mut last = 0;
        for at in 1..200_000 {
            order.push(&row(at, at));
            order.release(0, |row| {
                assert_eq!(row.at.mono_ns, last + 1);
                last = row.at.mono_ns;
            });
            assert!(order.len() <= MAX_ROWS);
        }
        assert!(order.rows.len() <= MAX_ROWS + 1 && last > 100_000);
    }
}
