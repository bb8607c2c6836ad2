//! What the table remembers for snapshots: the sockets that have closed and the timewait sockets that have changed, so that
//! an older entry of a snapshot can't undo it.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::model::{Moment, SETTLE_NS, State};

/// The most sockets that are remembered, some 40 bytes each: those of a whole second of connection churn at a rate that
/// no host reaches today.
const MAX_SOCKETS: usize = 500_000;
/// The most changes of the last [`SETTLE_NS`] that are remembered also while no snapshot is under way, 24 bytes each. A
/// connection makes up to six. On a host with more connections the oldest are forgotten earlier.
const MAX_RECENT: usize = 1 << 16;

/// Sockets that changed since a snapshot was requested, and those that closed in the [`SETTLE_NS`] before.
///
/// The number is bounded, also if the snapshot never ends. At the bound the former are forgotten and
/// [`Self::outdated_until_ns`] takes its place: an entry that was read before may be outdated, so the table ignores it
/// and has to request another snapshot. Entries that were read later are as good as before.
#[derive(Debug)]
pub(super) struct Tombstones {
    under_way: bool,
    /// The sockets that closed or opened in the last [`SETTLE_NS`], the newest last.
    recent: VecDeque<Recent>,
    /// When a socket closed, CLOCK_MONOTONIC in nanoseconds, by its address.
    closed_ns: FxHashMap<u64, u64>,
    /// When a timewait socket that the table doesn't know was first seen in TIME_WAIT, by its address. The snapshot may
    /// have it in FIN_WAIT2.
    in_time_wait: FxHashMap<u64, Moment>,
    /// The last change before the bound was reached.
    outdated_until_ns: Option<u64>,
    max_sockets: usize,
}

#[derive(Clone, Copy, Debug)]
struct Recent {
    key: u64,
    at_ns: u64,
    has_closed: bool,
}

impl Default for Tombstones {
    fn default() -> Self {
        Self::bounded(MAX_SOCKETS)
    }
}

impl Tombstones {
    /// Remembers at most this many sockets.
    pub(super) fn bounded(max_sockets: usize) -> Self {
        Self {
            under_way: false,
            recent: VecDeque::new(),
            closed_ns: FxHashMap::default(),
            in_time_wait: FxHashMap::default(),
            outdated_until_ns: None,
            max_sockets,
        }
    }

    /// How many sockets are remembered because of a snapshot, and how many always.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 2] {
        [self.closed_ns.len() + self.in_time_wait.len(), self.recent.len()]
    }

    /// A snapshot was requested.
    pub(super) fn begin(&mut self) {
        self.forget();
        self.under_way = true;
        for Recent { key, at_ns, has_closed } in &self.recent {
            match has_closed {
                true => self.closed_ns.insert(*key, *at_ns),
                false => self.closed_ns.remove(key),
            };
        }
    }

    /// The snapshot was merged, or failed.
    pub(super) fn end(&mut self) {
        self.forget();
    }

    /// Forgets everything but the sockets of the last [`SETTLE_NS`].
    fn forget(&mut self) {
        let recent = std::mem::take(&mut self.recent);
        *self = Self { recent, ..Self::bounded(self.max_sockets) };
    }

    /// Marks the socket closed at this time, so that an older snapshot entry can't revive it.
    pub(super) fn mark(&mut self, key: u64, at_ns: u64) {
        if self.under_way {
            self.make_room(at_ns);
            self.closed_ns.insert(key, at_ns);
        }
        self.remember(Recent { key, at_ns, has_closed: true });
    }

    /// The timer of a minisocket was started, perhaps again: it is not closed.
    pub(super) fn unmark(&mut self, key: u64, at_ns: u64) {
        self.closed_ns.remove(&key);
        self.remember(Recent { key, at_ns, has_closed: false });
    }

    fn remember(&mut self, newest: Recent) {
        let is_settled = |old: &Recent| old.at_ns.saturating_add(SETTLE_NS) <= newest.at_ns;
        while self.recent.front().is_some_and(is_settled) || self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(newest);
    }

    /// The timer of a timewait socket that the table doesn't know was started, in this state.
    pub(super) fn timewait_started(&mut self, key: u64, state: State, at: Moment) {
        self.in_time_wait.remove(&key);
        if state == State::TimeWait {
            self.seen_in_time_wait(key, at);
        }
    }

    /// A timewait socket that the table doesn't know is in TIME_WAIT.
    pub(super) fn seen_in_time_wait(&mut self, key: u64, at: Moment) {
        if self.under_way {
            self.make_room(at.mono_ns);
            self.in_time_wait.entry(key).or_insert(at);
        }
    }

    /// Whether the socket has closed since its snapshot entry was read, or so shortly before that the entry may be older.
    pub(super) fn is_closed_since(&self, key: u64, read_at: Moment) -> bool {
        self.closed_ns.get(&key).is_some_and(|closed_ns| closed_ns + SETTLE_NS > read_at.mono_ns)
    }

    /// Whether the entry may be outdated although no tombstone shows it: tombstones were discarded at the bound.
    pub(super) fn may_be_outdated(&self, read_at: Moment) -> bool {
        self.outdated_until_ns.is_some_and(|until_ns| until_ns + SETTLE_NS > read_at.mono_ns)
    }

    /// When a timewait socket that the table didn't know was first seen in TIME_WAIT.
    pub(super) fn time_wait_since(&self, key: u64) -> Option<Moment> {
        self.in_time_wait.get(&key).copied()
    }

    fn make_room(&mut self, at_ns: u64) {
        if self.closed_ns.len() + self.in_time_wait.len() >= self.max_sockets {
            let until_ns = self.outdated_until_ns.unwrap_or(0).max(at_ns);
            self.forget();
            (self.under_way, self.outdated_until_ns) = (true, Some(until_ns));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn moment(mono_ns: u64) -> Moment {
        Moment { mono_ns, unix_ns: 0 }
    }

    #[test]
    fn the_last_closed_sockets_before_a_snapshot_are_remembered_until_they_have_settled() {
        let mut tombstones = Tombstones::default();
        tombstones.mark(1, SECOND);
        tombstones.mark(2, SECOND);
        tombstones.unmark(2, SECOND);
        tombstones.seen_in_time_wait(3, moment(SECOND));
        assert!(!tombstones.is_closed_since(1, moment(SECOND)), "no snapshot is under way");
        for _ in 0..2 {
            tombstones.begin();
            assert!(tombstones.is_closed_since(1, moment(SECOND + SETTLE_NS - 1)));
            assert!(!tombstones.is_closed_since(1, moment(SECOND + SETTLE_NS)));
            assert!(!tombstones.is_closed_since(2, moment(SECOND)));
            assert_eq!(tombstones.time_wait_since(3), None);
            tombstones.end();
        }
    }

    #[test]
    fn sockets_are_remembered_for_a_second_and_their_number_is_bounded() {
        let mut tombstones = Tombstones::default();
        for number in 0..3 * MAX_RECENT as u64 {
            tombstones.mark(number, number * 10_000);
            assert!(tombstones.sizes()[1] <= MAX_RECENT);
        }
        tombstones.mark(1, 100 * SECOND);
        assert_eq!(tombstones.sizes(), [0, 1]);
    }

    #[test]
    fn after_the_end_of_a_snapshot_no_tombstone_counts() {
        let mut tombstones = Tombstones::bounded(1);
        tombstones.begin();
        tombstones.mark(1, SECOND);
        tombstones.mark(2, SECOND);
        assert!(tombstones.may_be_outdated(moment(SECOND)));
        tombstones.end();
        assert!(!tombstones.may_be_outdated(moment(0)) && !tombstones.is_closed_since(2, moment(0)));
        assert_eq!(tombstones.sizes(), [0, 2]);
    }

    #[test]
    fn the_number_is_bounded_and_at_the_bound_older_entries_may_be_outdated() {
        let mut tombstones = Tombstones::bounded(1000);
        tombstones.begin();
        for key in 1..=10_500 {
            match key % 2 {
                0 => tombstones.mark(key, key * SECOND),
                _ => tombstones.seen_in_time_wait(key, moment(key * SECOND)),
            }
            assert!(tombstones.sizes()[0] <= 1000);
            assert_eq!(tombstones.may_be_outdated(moment(0)), key > 1000, "{key}");
        }
        assert!(tombstones.may_be_outdated(moment(10_001 * SECOND)));
        assert!(!tombstones.may_be_outdated(moment(10_002 * SECOND)));
        assert!(tombstones.is_closed_since(10_500, moment(10_500 * SECOND)));
    }

    #[test]
    fn a_socket_that_is_unmarked_is_not_closed() {
        let mut tombstones = Tombstones::default();
        tombstones.begin();
        tombstones.mark(1, SECOND);
        tombstones.unmark(1, SECOND + 1);
        assert!(!tombstones.is_closed_since(1, moment(0)));
    }
}
