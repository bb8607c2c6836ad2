//! What a running trace consists of: the table, the outputs, and the snapshot that waits to be merged.

mod polls;

use std::time::Duration;

use super::{
    command::Command, outlet::Outlet, row_order::RowOrder, slot::OutputSummary,
    snapshot_reports::SnapshotReports, snapshot_schedule::SnapshotSchedule,
};
use crate::{
    filter::{Filter, Match},
    model::{Event, Loss, LossKind, LossPlace, Moment, Row, RowKind, Snapshot, SnapshotError, SnapshotKind},
    options::TraceOptions,
    output::Output,
    source::{self, EventSource, SnapshotSource},
    table::{Merged, Retention, Table, TableOptions},
};

/// How soon the loop runs again while rows or a snapshot wait for what may follow.
const TICK_INTERVAL: Duration = Duration::from_millis(25);
/// After how many waiting rows those that need not wait any longer go out, also before all events have been applied.
const BATCH_ROWS: usize = 64;

/// How much later than the oldest of a batch of events a record may have got its time stamp, nanoseconds. Each processor writes
/// few records at a time, so of a batch most got theirs within a microsecond after their places in the ring.
const BATCH_MARGIN_NS: u64 = 1_000_000;
/// How long a row that waits in the table holds those that happened after it, nanoseconds.
const MAX_HOLD_NS: u64 = 10_000_000;

/// Whether the trace goes on after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It does.
    Continue,
    /// It ends.
    Quit,
}

/// A running trace.
pub(super) struct Trace {
    table: Table,
    /// Between the table and the outlet.
    order: RowOrder,
    /// Of the events that have been applied, the time of the newest.
    newest: Moment,
    /// How many rows may wait before those that need not wait any longer go out.
    batch_end: usize,
    /// The time of the oldest event of this batch, CLOCK_MONOTONIC in nanoseconds.
    batch_oldest_ns: u64,
    outlet: Outlet,
    /// None where the source takes no snapshots.
    schedule: Option<SnapshotSchedule>,
    reports: SnapshotReports,
    /// Waits until all events before its end have been applied.
    snapshot: Option<Snapshot>,
    /// Whether a polling source has found the connections that existed before the trace.
    has_polled: bool,
    filter_may_change: bool,
}

impl Trace {
    /// Builds the table and starts the outputs.
    ///
    /// # Errors
    /// The thread that writes to stderr can't be started, or an output can't.
    pub(super) fn start(
        options: &TraceOptions,
        source: &impl EventSource,
        takes_snapshots: bool,
        outputs: Vec<Box<dyn Output>>,
    ) -> anyhow::Result<Self> {
        let mut table = Table::new(TableOptions {
            capabilities: source.capabilities(),
            limit: options.table_size,
            retention: retention(options),
            omits_states: options.kernel_filter().by_states != 0,
            owner_policy: source::remains_owner,
            process_start: source::process_start,
        });
        let mut outlet = Outlet::start(options.filter.clone(), outputs, &source.started())?;
        if takes_snapshots {
            outlet.wait_for_initial_rows();
        } else {
            table.turn_off_owner_lookups();
        }
        Ok(Self {
            table,
            order: RowOrder::default(),
            newest: Moment::default(),
            batch_end: BATCH_ROWS,
            batch_oldest_ns: u64::MAX,
            outlet,
            schedule: takes_snapshots.then(|| SnapshotSchedule::new(options.reconcile_interval)),
            reports: SnapshotReports::default(),
            snapshot: None,
            has_polled: false,
            filter_may_change: options.filter_may_change,
        })
    }

    /// The name and the size of each collection.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> Vec<(&'static str, usize)> {
        let mut sizes = self.table.sizes();
        sizes.push(("rows in the order of time", self.order.len()));
        sizes
    }

    /// Whether an output has ended the trace.
    pub(super) fn is_done(&self) -> bool {
        self.outlet.is_done()
    }

    /// Returns when an output requests a tick.
    pub(super) async fn woken(&self) {
        self.outlet.woken().await;
    }

    /// The time until [`Self::tick`] has something to do, if no event gives it something earlier.
    pub(super) fn until_next_tick(&mut self, now: Moment) -> Option<Duration> {
        let until = |due_ns: u64| Duration::from_nanos(due_ns.saturating_sub(now.mono_ns).max(1));
        let of_table = self.table.next_tick_ns().map(until);
        let held_until_ns = self.table.oldest_waiting_ns().map(|at_ns| at_ns + MAX_HOLD_NS);
        let of_order =
            held_until_ns.filter(|due_ns| *due_ns > now.mono_ns && self.order.len() > 0).map(until);
        let is_waiting = self.outlet.has_waiting_rows() || self.snapshot.is_some();
        of_table.into_iter().chain(of_order).chain(is_waiting.then_some(TICK_INTERVAL)).min()
    }

    /// Whether rows wait until all connections that existed before the trace are known.
    pub(super) fn awaits_initial_rows(&self) -> bool {
        self.outlet.awaits_initial_rows()
    }

    /// Gives all rows that wait to their outputs.
    pub(super) fn release_rows(&mut self) {
        self.outlet.release_rows();
    }

    /// Requests the snapshot that is due, if one is.
    pub(super) fn request_snapshot(&mut self, now: Moment, snapshots: &impl SnapshotSource) {
        let Self { table, schedule: Some(schedule), .. } = self else { return };
        let Some(kind) = schedule.next(now, || table.needs_owner_lookup(now)) else { return };
        match kind {
            SnapshotKind::Full => table.expect_snapshot(),
            SnapshotKind::Owners => {}
        }
        snapshots.request(kind);
    }

    /// The time until a snapshot is due, if no event makes one due earlier.
    pub(super) fn until_next_snapshot(&self, now: Moment) -> Option<Duration> {
        self.schedule.as_ref().and_then(|schedule| schedule.pause(now, self.table.next_owner_lookup_ns()))
    }

    /// Executes a command.
    pub(super) fn execute(&mut self, command: Command, source: &mut impl EventSource) -> After {
        match command {
            Command::Quit => return After::Quit,
            Command::Pause(is_paused) => {
                source.set_paused(is_paused);
                self.outlet.set_paused(is_paused);
            }
            Command::SetFilter(filter) if self.filter_may_change => self.outlet.set_filter(*filter),
            Command::SetFilter(_) => {
                self.outlet.say("the filter of this trace can't be changed".to_owned());
            }
            Command::Seek(to) if source.seek(to) => {
                self.release_all();
                self.table.clear();
                (self.order, self.newest) = (RowOrder::default(), Moment::default());
            }
            Command::Seek(_) => self.outlet.say("this trace can't seek: only a recording can".to_owned()),
        }
        After::Continue
    }

    /// Applies an event to the table. Its rows go to the outputs as soon as no older one can follow.
    pub(super) fn apply(&mut self, event: &Event) {
        if let Some(at) = event.at() {
            self.newest = self.newest.max(at);
            self.batch_oldest_ns = self.batch_oldest_ns.min(at.mono_ns);
        }
        self.apply_to_table(event);
        if self.order.len() >= self.batch_end {
            self.release_until(self.newest, self.batch_oldest_ns.saturating_sub(BATCH_MARGIN_NS));
            self.batch_end = self.order.len() + BATCH_ROWS;
            self.batch_oldest_ns = u64::MAX;
        }
    }

    fn apply_to_table(&mut self, event: &Event) {
        let Self { table, order, outlet, schedule, .. } = self;
        match event {
            Event::Lost(Loss { at, .. }) | Event::PossibleLoss(at) => {
                if let Event::Lost(loss) = event {
                    outlet.lost(loss);
                }
                if let Some(schedule) = schedule {
                    schedule.lost(*at);
                }
            }
            Event::LossCount(counted) => outlet.set_loss_count(counted),
            Event::PollFailed(error) => self.snapshot_failed(error),
            Event::Poll(poll) => self.polled(event, poll),
            Event::Transition(_)
            | Event::Tuple { .. }
            | Event::MinisockCreated(_)
            | Event::MinisockRemoved(_)
            | Event::ResetSent(_)
            | Event::SynRetransmitted { .. }
            | Event::SynError { .. }
            | Event::Accept { .. }
            | Event::ProcessRenamed(_) => table.apply(event, &mut |row| order.push(row)),
        }
    }

    /// A snapshot was taken, or failed.
    pub(super) fn snapshot_taken(&mut self, taken: Result<Snapshot, SnapshotError>) {
        match taken {
            Ok(snapshot) => self.snapshot = Some(snapshot),
            Err(error) => self.snapshot_failed(&error),
        }
    }

    /// Merges a snapshot once every event until its end has been applied: one drain may not be enough for that.
    pub(super) fn merge_snapshot(&mut self, applied_until: Moment) {
        let is_covered = |snapshot: &mut Snapshot| snapshot.finished.mono_ns <= applied_until.mono_ns;
        let Some(snapshot) = self.snapshot.take_if(is_covered) else { return };
        let Self { table, order, outlet, .. } = self;
        outlet.expect_initial_rows(snapshot.sockets.len());
        let mut found = |row: &Row| match row.kind {
            // The other rows wait for it in the outlet.
            RowKind::Existing if outlet.has_waiting_rows() => outlet.row(row),
            // It tells a state that still lasts. It is told now, after rows of later times.
            _ => order.push(&Row { at: row.at.later(order.released_ns()), ..*row }),
        };
        match snapshot.kind {
            SnapshotKind::Owners => table.learn_holders(&snapshot),
            SnapshotKind::Full => match table.merge(&snapshot, &mut found) {
                Merged::Complete => outlet.complete_initial_rows(),
                Merged::Incomplete => {
                    return self.snapshot_failed(&SnapshotError {
                        kind: snapshot.kind,
                        at: snapshot.finished,
                        why: "more sockets closed meanwhile than the table remembers".to_owned(),
                        may_recover: true,
                    });
                }
            },
        }
        self.snapshot_succeeded(&snapshot);
    }

    fn snapshot_succeeded(&mut self, snapshot: &Snapshot) {
        if let Some(schedule) = &mut self.schedule {
            schedule.succeeded(snapshot);
        }
        if let Some(line) = self.reports.succeeded(snapshot.kind) {
            self.outlet.say(line.to_owned());
        }
        if let Some(line) = self.reports.changed_unread(snapshot) {
            if !snapshot.netns_unread.is_empty() {
                self.outlet.lost(&lost_snapshot(snapshot.finished));
            }
            self.outlet.say(line);
        }
    }

    fn snapshot_failed(&mut self, error: &SnapshotError) {
        if let Some(schedule) = &mut self.schedule {
            schedule.failed(error);
        }
        match error.kind {
            SnapshotKind::Full => self.table.snapshot_failed(),
            SnapshotKind::Owners => {}
        }
        if !error.may_recover {
            self.table.turn_off_owner_lookups();
        }
        self.outlet.lost(&lost_snapshot(error.at));
        if let Some(line) = self.reports.failed(error) {
            self.outlet.say(line);
        }
    }

    /// Asks the source for the endpoints of connections that have waited long enough for them; events until `now` have been
    /// applied.
    pub(super) fn request_tuples(&mut self, now: Moment, source: &impl EventSource) {
        self.table.take_tuple_requests(now).into_iter().for_each(|sk| source.request_tuple(sk));
    }

    /// All events until `now` have been applied.
    pub(super) fn tick(&mut self, now: Moment) {
        self.release_until(now, now.mono_ns);
        let Self { table, order, outlet, .. } = self;
        let released = now.earlier(order.released_ns());
        outlet.tick(released, table.connections());
    }

    /// Gives the outputs the rows that need not wait any longer: all events until `seen_ns` have been applied. `newest` is the
    /// time of the newest event, or the present.
    fn release_until(&mut self, newest: Moment, seen_ns: u64) {
        let Self { table, order, outlet, .. } = self;
        table.tick(newest, &mut |row| order.push(row));
        let held_ns = seen_ns.saturating_sub(MAX_HOLD_NS);
        let until_ns =
            table.oldest_waiting_ns().map_or(seen_ns, |at_ns| at_ns.saturating_sub(1).max(held_ns));
        let until_ns = until_ns.min(seen_ns);
        report_unreported(table, outlet, newest);
        order.release(until_ns, |row| outlet.row(row));
    }

    /// Gives the outputs all rows.
    fn release_all(&mut self) {
        let Self { table, order, outlet, .. } = self;
        table.release_all(&mut |row| order.push(row));
        order.release(u64::MAX, |row| outlet.row(row));
        report_unreported(table, outlet, self.newest);
    }

    /// Ends the outputs.
    pub(super) fn end(mut self, now: Moment) -> Vec<OutputSummary> {
        self.release_all();
        let Self { table, outlet, schedule, reports, .. } = self;
        if schedule.is_some() && !reports.has_full() && outlet.wants_existing() {
            let line =
                "no snapshot of the sockets was complete: connections from before the start are not shown";
            outlet.say(line.to_owned());
        }
        let beyond_limit = table.existing_beyond_limit();
        if beyond_limit > 0 && outlet.wants_existing() {
            outlet.say(format!(
                "{beyond_limit} connections from before the start are beyond the size of the table and not shown: \
                 --table-size sets it"
            ));
        }
        outlet.end(now)
    }
}

/// Reports the transitions of connections that the full table could not take.
fn report_unreported(table: &mut Table, outlet: &mut Outlet, at: Moment) {
    let count = table.take_unreported();
    if count > 0 {
        outlet.lost(&Loss { at, count, place: LossPlace::Table, what: LossKind::Transitions });
    }
}

fn lost_snapshot(at: Moment) -> Loss {
    Loss { at, count: 1, place: LossPlace::Snapshot, what: LossKind::Snapshots }
}

/// A filter that can't change decides which connections the table keeps.
fn retention(options: &TraceOptions) -> Retention {
    if options.filter_may_change || options.filter == Filter::default() {
        return Retention::All;
    }
    let filter = options.filter.clone();
    Retention::Only(Box::new(move |family, netns, local, remote| {
        filter.matches_netns(netns) != Match::No && filter.matches_tuple(family, local, remote) != Match::No
    }))
}
