//! When to look up the owner of a connection: its owner is unknown, or it accepted the connection and may have
//! handed it to another process since.

use std::collections::VecDeque;

use super::Table;
use crate::model::{ConnId, Moment, Owner, OwnerHow, Row};

/// The ages of a connection at which its owner is looked up, nanoseconds. A connection that ends before the first is
/// attributed to the process that closes it. An owner that is known to have accepted the connection is looked up once,
/// at the second age. After the last age only full snapshots, which are regular, find an owner: one that can't be found
/// costs no more.
const AGES_NS: [u64; 4] = [50_000_000, 500_000_000, 5_000_000_000, 30_000_000_000];

/// The connections whose owner has to be looked up: a queue for each age, the earliest due first.
#[derive(Debug, Default)]
pub(super) struct OwnerLookups {
    by_age: [VecDeque<OwnerLookup>; AGES_NS.len()],
    /// Whether nobody makes the lookups: there are no snapshots.
    are_off: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OwnerLookup {
    pub(super) due_ns: u64,
    pub(super) key: u64,
    pub(super) conn: ConnId,
    established_ns: u64,
}

impl OwnerLookups {
    /// Schedules no lookups: no snapshots are taken.
    pub(super) fn turn_off(&mut self) {
        *self = Self { are_off: true, ..Self::default() };
    }

    /// How many lookups are scheduled.
    pub(super) fn len(&self) -> usize {
        self.by_age.iter().map(VecDeque::len).sum()
    }

    /// Forgets the lookups of connections for which `is_open` doesn't hold: while snapshots fail, nothing takes them.
    pub(super) fn retain(&mut self, is_open: impl Fn(&OwnerLookup) -> bool) {
        self.by_age.iter_mut().for_each(|queue| queue.retain(&is_open));
    }

    /// Schedules lookups for a connection that was just established, unless its owner is certain.
    pub(super) fn schedule(&mut self, key: u64, row: &Row) {
        if self.are_off {
            return;
        }
        if is_unresolved(row.owner) || has_accepted(row.owner) {
            let established_ns = row.at.mono_ns;
            let due_ns = established_ns + AGES_NS[0];
            self.by_age[0].push_back(OwnerLookup { due_ns, key, conn: row.conn, established_ns });
        }
    }

    /// When the next lookup is due, CLOCK_MONOTONIC in nanoseconds.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        self.by_age.iter().filter_map(|queue| Some(queue.front()?.due_ns)).min()
    }

    /// Removes the lookups that are due and schedules them for the next age; returns whether one has to be made.
    /// `owner` returns the owner of a connection that still exists.
    pub(super) fn take_due(
        &mut self,
        now: Moment,
        owner: impl Fn(&OwnerLookup) -> Option<Option<Owner>>,
    ) -> bool {
        let mut any = false;
        for age in 0..AGES_NS.len() {
            while let Some(lookup) =
                self.by_age[age].front().copied().filter(|next| next.due_ns <= now.mono_ns)
            {
                self.by_age[age].pop_front();
                let Some(owner) = owner(&lookup) else { continue };
                let is_early = age == 0 && has_accepted(owner);
                any |= is_unresolved(owner) || (has_accepted(owner) && !is_early);
                let next = age + 1;
                if (is_unresolved(owner) || is_early) && next < AGES_NS.len() {
                    let due_ns = now.mono_ns.max(lookup.established_ns) + AGES_NS[next];
                    self.by_age[next].push_back(OwnerLookup { due_ns, ..lookup });
                }
            }
        }
        any
    }
}

/// Whether the owner is the process that accepted the connection.
fn has_accepted(owner: Option<Owner>) -> bool {
    owner.is_some_and(|owner| owner.how == OwnerHow::Accept)
}

/// Whether the owner is unknown, or only the listener's.
pub(super) fn is_unresolved(owner: Option<Owner>) -> bool {
    owner.is_none_or(|owner| owner.how == OwnerHow::Listener)
}

impl Table {
    /// No snapshots are taken: no owner is looked up.
    pub fn turn_off_owner_lookups(&mut self) {
        self.owner_lookups.turn_off();
    }

    /// Keeps the number of scheduled lookups in proportion to the table, also while nothing takes them.
    pub(super) fn forget_vain_lookups(&mut self) {
        let Self { owner_lookups, connections, .. } = self;
        if owner_lookups.len() > 2 * connections.len() + 1024 {
            owner_lookups
                .retain(|lookup| connections.get(&lookup.key).is_some_and(|known| known.id() == lookup.conn));
        }
    }

    /// When the next owner has to be looked up, CLOCK_MONOTONIC in nanoseconds.
    pub fn next_owner_lookup_ns(&self) -> Option<u64> {
        let check = (!self.connections.is_empty()).then(|| self.owner_checks.due_ns());
        self.owner_lookups.next_due_ns().into_iter().chain(check).min()
    }

    /// Whether an owner has to be looked up now. An owner that is not found is looked up again later.
    pub fn needs_owner_lookup(&mut self, now: Moment) -> bool {
        let has_ended = self.forget_ended_owners(now);
        let connections = &self.connections;
        let is_due = self.owner_lookups.take_due(now, |lookup| {
            connections.get(&lookup.key).filter(|known| known.id() == lookup.conn).map(|known| known.owner())
        });
        has_ended || is_due
    }
}
