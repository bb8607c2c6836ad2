//! Minisockets whose removal is not certain yet: their timer was cancelled, and may be started again at once.

use std::collections::{VecDeque, hash_map::Entry};

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{ConnId, MinisockRemoved, Moment};

/// A timer that is moved is cancelled and started again within microseconds. A minisocket whose timer has not been
/// started again for this long (nanoseconds) is gone.
const REMOVAL_DELAY_NS: u64 = 2_000_000;

/// The minisockets, each with the connection that it belonged to: another socket may soon have its address.
#[derive(Debug, Default)]
pub(super) struct RemovedMinisocks {
    by_key: FxHashMap<u64, Removed>,
    /// The keys in the order of the removals, with their numbers. Those that were taken out meanwhile are left out when
    /// they come to the front.
    in_order: VecDeque<(u64, u64)>,
    last_number: u64,
}

#[derive(Clone, Copy, Debug)]
struct Removed {
    /// Counts removals: the same key may be removed again.
    number: u64,
    conn: ConnId,
    event: MinisockRemoved,
}

impl RemovedMinisocks {
    pub(super) fn insert(&mut self, conn: ConnId, event: MinisockRemoved) {
        self.last_number += 1;
        let removed = Removed { number: self.last_number, conn, event };
        // Of two removals the first counts, if the timer was not started in between.
        if let Entry::Vacant(vacant) = self.by_key.entry(event.sk).and_modify(|known| {
            if known.conn != conn {
                *known = removed;
                self.in_order.push_back((removed.number, event.sk));
            }
        }) {
            vacant.insert(removed);
            self.in_order.push_back((removed.number, event.sk));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_key.len().max(self.in_order.len())
    }

    /// Whether the minisocket of this connection at `key` was removed.
    pub(super) fn contains(&self, key: u64, conn: ConnId) -> bool {
        self.by_key.get(&key).is_some_and(|removed| removed.conn == conn)
    }

    /// Takes out the removal of this connection's minisocket at `key`, if there is one.
    pub(super) fn take(&mut self, key: u64, conn: ConnId) -> Option<MinisockRemoved> {
        match self.by_key.entry(key) {
            Entry::Occupied(removed) if removed.get().conn == conn => Some(removed.remove().event),
            _ => None,
        }
    }

    /// The oldest removal for which `is_open` holds, given its key and connection; the others before it are forgotten.
    pub(super) fn oldest(&mut self, is_open: impl Fn(u64, ConnId) -> bool) -> Option<MinisockRemoved> {
        while let Some((number, key)) = self.in_order.front().copied() {
            if let Entry::Occupied(removed) = self.by_key.entry(key)
                && removed.get().number == number
            {
                if is_open(key, removed.get().conn) {
                    return Some(removed.get().event);
                }
                removed.remove();
            }
            self.in_order.pop_front();
        }
        None
    }

    /// When the oldest removal is certain, CLOCK_MONOTONIC in nanoseconds; perhaps too early.
    pub(super) fn next_end_ns(&self) -> Option<u64> {
        let (_, key) = self.in_order.front()?;
        let removed_ns = self.by_key.get(key).map_or(0, |removed| removed.event.at.mono_ns);
        Some(removed_ns + REMOVAL_DELAY_NS)
    }

    /// The connections whose minisocket was removed: they end soon, unless its timer is started again.
    pub(super) fn connections(&self) -> FxHashSet<ConnId> {
        self.by_key.values().map(|removed| removed.conn).collect()
    }
}

/// Whether a removal is certain: its timer would have been started again by now.
pub(super) fn is_certain(removed: &MinisockRemoved, now: Moment) -> bool {
    now.mono_ns.saturating_sub(removed.at.mono_ns) > REMOVAL_DELAY_NS
}
