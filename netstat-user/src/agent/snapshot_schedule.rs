//! When to take a snapshot: at the start, after a loss, when the owner of a connection is looked up, at intervals, and
//! again after a failure.

use std::time::Duration;

use crate::model::{Moment, SETTLE_NS, Snapshot, SnapshotError, SnapshotKind};

/// The pause after a snapshot is this many times as long as the snapshot took: snapshots take at most 1/20 of the time.
const PAUSE_FACTOR: u64 = 20;
/// The shortest pause after a snapshot, and the first one after a failure, nanoseconds.
const MIN_PAUSE_NS: u64 = 50_000_000;
/// The longest pause after a failure, nanoseconds.
const MAX_RETRY_PAUSE_NS: u64 = 60_000_000_000;

/// When the first and the last loss were noticed. A snapshot shows what was lost once it has settled.
#[derive(Clone, Copy, Debug)]
struct Losses {
    first_ns: u64,
    last_ns: u64,
}

impl Losses {
    fn due_ns(self) -> u64 {
        self.first_ns.saturating_add(SETTLE_NS)
    }

    /// What a snapshot at this time is too early for.
    fn after_snapshot(self, now: Moment) -> Option<Self> {
        (self.last_ns.saturating_add(SETTLE_NS) > now.mono_ns)
            .then_some(Self { first_ns: self.last_ns, ..self })
    }
}

/// Decides which snapshot is due. Reads no clock: all times are CLOCK_MONOTONIC in nanoseconds.
#[derive(Debug)]
pub(super) struct SnapshotSchedule {
    /// From the start of one full snapshot to the next, if nothing makes one due earlier.
    interval_ns: u64,
    under_way: bool,
    /// Set at the start, and after a full snapshot that failed.
    full_is_due: bool,
    /// The losses since the last full snapshot, and those that it was too early for.
    losses: Option<Losses>,
    /// Set after a snapshot of the owners that failed.
    owners_are_due: bool,
    last_full_ns: u64,
    not_before_ns: u64,
    /// Failures since the last success.
    failures: u32,
    /// Whether there will be no more snapshots.
    has_ended: bool,
}

impl SnapshotSchedule {
    /// A full snapshot is due at once, and then after each `interval`.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval_ns: u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX),
            under_way: false,
            full_is_due: true,
            losses: None,
            owners_are_due: false,
            last_full_ns: 0,
            not_before_ns: 0,
            failures: 0,
            has_ended: false,
        }
    }

    /// Makes a full snapshot due [`SETTLE_NS`] later: events were or may have been lost, so the table may be wrong.
    pub(super) fn lost(&mut self, at: Moment) {
        let first_ns = self.losses.map_or(at.mono_ns, |losses| losses.first_ns);
        self.losses = Some(Losses { first_ns, last_ns: at.mono_ns });
    }

    /// Returns the snapshot to request now. `takes_owner_lookups` is called if no full one is due: it returns whether
    /// the owner of a connection is to be looked up, and is not asked again for the same lookup.
    pub(super) fn next(
        &mut self,
        now: Moment,
        takes_owner_lookups: impl FnOnce() -> bool,
    ) -> Option<SnapshotKind> {
        if self.has_ended || self.under_way || now.mono_ns < self.not_before_ns {
            return None;
        }
        let kind = if now.mono_ns >= self.next_full_ns() {
            self.last_full_ns = now.mono_ns;
            self.full_is_due = false;
            self.losses = self.losses.and_then(|losses| losses.after_snapshot(now));
            SnapshotKind::Full
        } else if self.owners_are_due || takes_owner_lookups() {
            SnapshotKind::Owners
        } else {
            return None;
        };
        // A full snapshot has the owners, too.
        self.owners_are_due = false;
        self.under_way = true;
        Some(kind)
    }

    /// The requested snapshot was taken.
    pub(super) fn succeeded(&mut self, snapshot: &Snapshot) {
        let took_ns = snapshot.finished.mono_ns.saturating_sub(snapshot.started.mono_ns);
        let pause_ns = took_ns.saturating_mul(PAUSE_FACTOR).max(MIN_PAUSE_NS);
        self.under_way = false;
        self.failures = 0;
        self.not_before_ns = snapshot.finished.mono_ns.saturating_add(pause_ns);
    }

    /// The requested snapshot failed. It remains due, after a pause that doubles with each failure.
    pub(super) fn failed(&mut self, error: &SnapshotError) {
        match error.kind {
            SnapshotKind::Full => self.full_is_due = true,
            SnapshotKind::Owners => self.owners_are_due = true,
        }
        let longest_ns = self.interval_ns.clamp(MIN_PAUSE_NS, MAX_RETRY_PAUSE_NS);
        let doubled_ns = MIN_PAUSE_NS.saturating_mul(1_u64.checked_shl(self.failures).unwrap_or(u64::MAX));
        self.under_way = false;
        self.failures = self.failures.saturating_add(1);
        self.not_before_ns = error.at.mono_ns.saturating_add(doubled_ns.min(longest_ns));
        self.has_ended = !error.may_recover;
    }

    /// The time until a snapshot is due, if no event makes one due earlier. None while one is under way, and after the
    /// end. `next_owner_lookup_ns` is when the next owner is to be looked up.
    pub(super) fn pause(&self, now: Moment, next_owner_lookup_ns: Option<u64>) -> Option<Duration> {
        if self.has_ended || self.under_way {
            return None;
        }
        let owners_ns = if self.owners_are_due { Some(0) } else { next_owner_lookup_ns };
        let due_ns = owners_ns.unwrap_or(u64::MAX).min(self.next_full_ns());
        Some(Duration::from_nanos(due_ns.max(self.not_before_ns).saturating_sub(now.mono_ns)))
    }

    /// When the next full snapshot is due.
    fn next_full_ns(&self) -> u64 {
        if self.full_is_due {
            return 0;
        }
        let after_losses_ns = self.losses.map_or(u64::MAX, Losses::due_ns);
        self.last_full_ns.saturating_add(self.interval_ns).min(after_losses_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MILLISECOND: u64 = 1_000_000;

    fn moment(mono_ns: u64) -> Moment {
        Moment { mono_ns, unix_ns: 0 }
    }

    fn schedule() -> SnapshotSchedule {
        SnapshotSchedule::new(Duration::from_secs(10))
    }

    fn next(schedule: &mut SnapshotSchedule, now: u64, owner_lookup: bool) -> Option<SnapshotKind> {
        schedule.next(moment(now), || owner_lookup)
    }

    fn succeed(schedule: &mut SnapshotSchedule, started: u64, finished: u64) {
        let (started, finished) = (moment(started), moment(finished));
        schedule.succeeded(&Snapshot { started, finished, ..Snapshot::default() });
    }

    fn fail(schedule: &mut SnapshotSchedule, at: u64, kind: SnapshotKind) {
        schedule.failed(&SnapshotError { kind, at: moment(at), why: String::new(), may_recover: true });
    }

    #[test]
    fn a_full_snapshot_is_due_at_the_start_and_after_each_interval() {
        let mut schedule = schedule();
        assert_eq!(schedule.pause(moment(SECOND), None), Some(Duration::ZERO));
        assert_eq!(next(&mut schedule, SECOND, false), Some(SnapshotKind::Full));
        succeed(&mut schedule, SECOND, SECOND + MILLISECOND);
        assert_eq!(next(&mut schedule, 5 * SECOND, false), None);
        assert_eq!(schedule.pause(moment(5 * SECOND), None), Some(Duration::from_secs(6)));
        assert_eq!(next(&mut schedule, 11 * SECOND, false), Some(SnapshotKind::Full));
    }

    #[test]
    fn only_one_snapshot_is_under_way() {
        let mut schedule = schedule();
        next(&mut schedule, SECOND, false);
        schedule.lost(moment(SECOND));
        assert_eq!(next(&mut schedule, 60 * SECOND, true), None);
        assert_eq!(schedule.pause(moment(60 * SECOND), None), None);
        succeed(&mut schedule, SECOND, 60 * SECOND);
        assert_eq!(next(&mut schedule, 3600 * SECOND, false), Some(SnapshotKind::Full));
    }

    #[test]
    fn a_full_snapshot_is_due_once_what_was_lost_has_settled_and_again_for_what_was_lost_meanwhile() {
        let mut schedule = schedule();
        next(&mut schedule, SECOND, false);
        succeed(&mut schedule, SECOND, SECOND);
        let (first, last) = (2 * SECOND, 2 * SECOND + 900 * MILLISECOND);
        schedule.lost(moment(first));
        schedule.lost(moment(last));
        for (lost, next_due) in [(first, Some(last + SETTLE_NS)), (last, None)] {
            let due = lost + SETTLE_NS;
            assert_eq!(next(&mut schedule, due - 1, false), None);
            assert_eq!(schedule.pause(moment(lost), None), Some(Duration::from_nanos(SETTLE_NS)));
            assert_eq!(next(&mut schedule, due, false), Some(SnapshotKind::Full));
            succeed(&mut schedule, due, due);
            let interval = due + 10 * SECOND;
            let pause = next_due.unwrap_or(interval) - due;
            assert_eq!(schedule.pause(moment(due), None), Some(Duration::from_nanos(pause)));
        }
    }

    #[test]
    fn an_owner_lookup_causes_a_snapshot_of_the_owners_between_full_ones() {
        let mut schedule = schedule();
        next(&mut schedule, SECOND, false);
        succeed(&mut schedule, SECOND, SECOND + MILLISECOND);
        assert_eq!(schedule.pause(moment(2 * SECOND), Some(3 * SECOND)), Some(Duration::from_secs(1)));
        assert_eq!(next(&mut schedule, 3 * SECOND, true), Some(SnapshotKind::Owners));
    }

    #[test]
    fn the_pause_after_a_snapshot_is_twenty_times_as_long_as_it_took_and_at_least_50_ms() {
        for (took, pause) in [(MILLISECOND, 50 * MILLISECOND), (100 * MILLISECOND, 2 * SECOND)] {
            let mut schedule = schedule();
            next(&mut schedule, SECOND, false);
            let finished = SECOND + took;
            succeed(&mut schedule, SECOND, finished);
            schedule.lost(moment(0));
            assert_eq!(next(&mut schedule, finished + pause - 1, false), None);
            assert_eq!(next(&mut schedule, finished + pause, false), Some(SnapshotKind::Full));
        }
    }

    #[test]
    fn a_failed_snapshot_remains_due_and_the_pause_doubles_up_to_the_interval() {
        let mut schedule = schedule();
        let mut now = SECOND;
        let mut pauses = Vec::new();
        for _ in 0..70 {
            assert_eq!(next(&mut schedule, now, false), Some(SnapshotKind::Full));
            fail(&mut schedule, now, SnapshotKind::Full);
            let pause = schedule.pause(moment(now), None).unwrap();
            pauses.push(pause.as_millis());
            assert_eq!(next(&mut schedule, now + 1, true), None);
            now += u64::try_from(pause.as_nanos()).unwrap();
        }
        assert_eq!(pauses[..9], [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000]);
        assert!(pauses[9..].iter().all(|pause| *pause == 10_000), "{pauses:?}");
    }

    #[test]
    fn the_pause_after_a_failure_is_never_longer_than_a_minute_nor_shorter_than_50_ms() {
        for (interval, expected) in [(86_400_000, 60_000), (1, 50)] {
            let mut schedule = SnapshotSchedule::new(Duration::from_millis(interval));
            for _ in 0..20 {
                fail(&mut schedule, 0, SnapshotKind::Full);
            }
            assert_eq!(schedule.pause(moment(0), None), Some(Duration::from_millis(expected)));
        }
    }

    #[test]
    fn a_success_resets_the_pause() {
        let mut schedule = schedule();
        for _ in 0..5 {
            fail(&mut schedule, SECOND, SnapshotKind::Full);
        }
        succeed(&mut schedule, 10 * SECOND, 10 * SECOND);
        fail(&mut schedule, 20 * SECOND, SnapshotKind::Full);
        assert_eq!(schedule.pause(moment(20 * SECOND), None), Some(Duration::from_millis(50)));
    }

    #[test]
    fn owners_that_could_not_be_read_are_read_again_without_another_lookup() {
        let mut schedule = schedule();
        next(&mut schedule, SECOND, false);
        succeed(&mut schedule, SECOND, SECOND);
        assert_eq!(next(&mut schedule, 2 * SECOND, true), Some(SnapshotKind::Owners));
        fail(&mut schedule, 2 * SECOND, SnapshotKind::Owners);
        assert_eq!(next(&mut schedule, 3 * SECOND, false), Some(SnapshotKind::Owners));
        succeed(&mut schedule, 3 * SECOND, 3 * SECOND);
        assert_eq!(next(&mut schedule, 4 * SECOND, false), None);
    }

    #[test]
    fn after_the_end_of_the_thread_nothing_is_due() {
        let mut schedule = schedule();
        let (kind, why) = (SnapshotKind::Full, String::new());
        schedule.failed(&SnapshotError { kind, at: moment(SECOND), why, may_recover: false });
        assert_eq!(next(&mut schedule, 3600 * SECOND, true), None);
        assert_eq!(schedule.pause(moment(3600 * SECOND), Some(0)), None);
    }
}
