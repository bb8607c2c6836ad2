//! What a running trace consists of: the table, the outputs, and the snapshot that waits to be merged.

use std::time::Duration;

use super::{
    command::Command, outlet::Outlet, slot::OutputSummary, snapshot_reports::SnapshotReports,
    snapshot_schedule::SnapshotSchedule,
};
use crate::{
    filter::{Filter, Match},
    model::{Event, Loss, LossKind, LossPlace, Moment, Poll, Snapshot, SnapshotError, SnapshotKind},
    options::TraceOptions,
    output::Output,
    source::{self, EventSource, SnapshotSource},
    table::{Merged, Retention, Table, TableOptions},
};

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
    outlet: Outlet,
    /// None where the source takes no snapshots.
    schedule: Option<SnapshotSchedule>,
    reports: SnapshotReports,
    /// Waits until all events before its end have been applied.
    snapshot: Option<Snapshot>,
    filter_may_change: bool,
}

impl Trace {
    /// Builds the table and starts the outputs.
    ///
    /// # Errors
    /// The thread that writes to stderr can't be started.
    pub(super) fn start(
        options: &TraceOptions,
        source: &impl EventSource,
        takes_snapshots: bool,
        outputs: Vec<Box<dyn Output>>,
    ) -> std::io::Result<Self> {
        let table = Table::new(TableOptions {
            capabilities: source.capabilities(),
            limit: options.table_size,
            retention: retention(options),
            omits_states: options.kernel_filter().by_states != 0,
            owner_policy: source::remains_owner,
        });
        let mut outlet = Outlet::start(options.filter.clone(), outputs, &source.started())?;
        if takes_snapshots {
            outlet.wait_for_initial_rows();
        }
        Ok(Self {
            table,
            outlet,
            schedule: takes_snapshots.then(|| SnapshotSchedule::new(options.reconcile_interval)),
            reports: SnapshotReports::default(),
            snapshot: None,
            filter_may_change: options.filter_may_change,
        })
    }

    /// Whether an output has ended the trace.
    pub(super) fn is_done(&self) -> bool {
        self.outlet.is_done()
    }

    /// Returns when an output requests a tick.
    pub(super) async fn woken(&self) {
        self.outlet.woken().await;
    }

    /// Whether something waits for [`Self::tick`].
    pub(super) fn needs_tick(&self) -> bool {
        self.table.needs_tick() || self.outlet.has_waiting_rows()
    }

    /// Whether rows wait for those of connections that existed before the trace.
    pub(super) fn has_waiting_rows(&self) -> bool {
        self.outlet.has_waiting_rows()
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
            Command::Seek(to) if source.seek(to) => self.table.clear(),
            Command::Seek(_) => self.outlet.say("this trace can't seek: only a recording can".to_owned()),
        }
        After::Continue
    }

    /// Applies an event to the table, and gives its rows to the outputs.
    pub(super) fn apply(&mut self, event: &Event) {
        let Self { table, outlet, schedule, .. } = self;
        match event {
            Event::Lost(_) | Event::PossibleLoss => {
                if let Event::Lost(loss) = event {
                    outlet.lost(loss);
                }
                if let Some(schedule) = schedule {
                    schedule.make_full_due();
                }
            }
            Event::PollFailed(error) => self.snapshot_failed(error),
            Event::Poll(poll) => {
                table.apply(event, &mut |row| outlet.row(row));
                report_unreported(table, outlet, poll.at);
                self.owners_polled(poll);
            }
            Event::Transition(_)
            | Event::Tuple { .. }
            | Event::MinisockCreated(_)
            | Event::MinisockRemoved(_)
            | Event::Accept { .. } => table.apply(event, &mut |row| outlet.row(row)),
        }
    }

    /// Reports whether the scan for the owners of polled sockets failed, or that polls work again.
    fn owners_polled(&mut self, poll: &Poll) {
        match &poll.owners_error {
            Some(why) => self.snapshot_failed(&SnapshotError {
                kind: SnapshotKind::Owners,
                at: poll.at,
                why: why.clone(),
                may_recover: true,
            }),
            None => {
                if let Some(line) = self.reports.succeeded(SnapshotKind::Full) {
                    self.outlet.say(line.to_owned());
                }
            }
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
        let Self { table, outlet, .. } = self;
        match snapshot.kind {
            SnapshotKind::Owners => table.learn_holders(&snapshot),
            SnapshotKind::Full => match table.merge(&snapshot, &mut |row| outlet.row(row)) {
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
        self.outlet.lost(&lost_snapshot(error.at));
        if let Some(line) = self.reports.failed(error) {
            self.outlet.say(line);
        }
    }

    /// All events until `now` have been applied.
    pub(super) fn tick(&mut self, now: Moment) {
        let Self { table, outlet, .. } = self;
        table.tick(now, &mut |row| outlet.row(row));
        outlet.tick(now, table.connections());
    }

    /// Ends the outputs.
    pub(super) fn end(self, now: Moment) -> Vec<OutputSummary> {
        let Self { mut table, mut outlet, schedule, reports, .. } = self;
        table.release_all(&mut |row| outlet.row(row));
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
        outlet.end(now, table.beyond_limit())
    }
}

/// Reports the connections that the full table could not take.
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
    Retention::Only(Box::new(move |family, local, remote| {
        filter.matches_tuple(family, local, remote) != Match::No
    }))
}
