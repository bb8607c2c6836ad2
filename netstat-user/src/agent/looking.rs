//! When to look at all sockets: at the start, when something was or may have been missed, when owners are asked for, and
//! now and then.

use std::time::Duration;

use crate::{
    model::{Moment, Snapshot, SnapshotKind},
    source::SnapshotSource,
    table::Table,
};

/// Looks take at most one part in so many of the time.
const SHARE: u64 = 20;
/// Looks begin this far apart at least, nanoseconds.
const SHORTEST_PAUSE_NS: u64 = 50_000_000;

/// What has been asked for, and what is due.
pub(super) struct Looking {
    interval_ns: u64,
    under_way: bool,
    /// Something was or may have been missed, or it is the start.
    in_doubt: bool,
    last_full_ns: u64,
    not_before_ns: u64,
}

impl Looking {
    /// Begins with a look at everything; `interval` lies between two such looks.
    pub(super) fn new(interval: Duration) -> Self {
        let interval_ns = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        Self { interval_ns, under_way: false, in_doubt: true, last_full_ns: 0, not_before_ns: 0 }
    }

    /// Something was or may have been missed: the table may be wrong.
    pub(super) fn doubt(&mut self) {
        self.in_doubt = true;
    }

    /// Asks for what is due.
    pub(super) fn ask(&mut self, now: Moment, table: &mut Table, looks: &impl SnapshotSource) {
        if self.under_way || now.mono_ns < self.not_before_ns {
            return;
        }
        let at = if self.in_doubt || now.mono_ns >= self.last_full_ns.saturating_add(self.interval_ns) {
            self.in_doubt = false;
            self.last_full_ns = now.mono_ns;
            table.expect_snapshot();
            SnapshotKind::Full
        } else if table.asks_for_holders(now) {
            SnapshotKind::Owners
        } else {
            return;
        };
        self.under_way = true;
        looks.request(at);
    }

    /// A look has come.
    pub(super) fn done(&mut self, snapshot: &Snapshot) {
        let took_ns = snapshot.finished.mono_ns.saturating_sub(snapshot.started.mono_ns);
        self.under_way = false;
        self.not_before_ns = snapshot.finished.mono_ns + (took_ns * SHARE).max(SHORTEST_PAUSE_NS);
    }

    /// How long nothing is due, if no event comes.
    pub(super) fn pause(&self, now: Moment, table: &Table) -> Option<Duration> {
        if self.under_way {
            return None;
        }
        let full_ns = if self.in_doubt { 0 } else { self.last_full_ns.saturating_add(self.interval_ns) };
        let due_ns = table.next_question_ns().map_or(full_ns, |question_ns| question_ns.min(full_ns));
        Some(Duration::from_nanos(due_ns.max(self.not_before_ns).saturating_sub(now.mono_ns)))
    }
}
