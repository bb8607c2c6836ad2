//! The one loop: events from a source, through the table and the filter, to a format.

mod display;
mod initial_rows;
mod snapshot_reports;
mod snapshot_schedule;

use std::{pin::pin, time::Duration};

use tokio::time::sleep;

use self::{display::Display, snapshot_reports::SnapshotReports, snapshot_schedule::SnapshotSchedule};
use crate::{
    model::{Event, Loss, LossKind, LossPlace, Moment, Snapshot, SnapshotError, SnapshotKind},
    options::TraceOptions,
    source::{self, EventSource, SnapshotSource},
    table::{Merged, Table},
};

/// How soon the loop looks again when the table waits for what may follow.
const WAITING_INTERVAL: Duration = Duration::from_millis(25);
/// How long rows wait for those of the connections that were there before the start.
const PATIENCE_FOR_THE_PAST: Duration = Duration::from_secs(5);

/// Streams until the source, stdout's reader, the limits of `options` or `stop` end it.
///
/// # Errors
/// stdout could not be written, for another reason than that its reader went away.
pub async fn run<S: EventSource>(
    options: &TraceOptions,
    mut source: S,
    mut snapshots: Option<impl SnapshotSource>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let started = source.started();
    let mut table = Table::new(source.capabilities(), options.table_size, source::keeps)
        .with_states_left_out(options.filter.for_kernel().by_states != 0);
    let mut schedule = snapshots.as_ref().map(|_| SnapshotSchedule::new(options.reconcile_interval));
    let mut reports = SnapshotReports::default();
    let mut display = Display::start(options, &started)?;
    if options.existing && snapshots.is_some() {
        display.hold_rows();
    }

    let mut stop = pin!(stop);
    let mut time_is_up = pin!(sleep(options.duration.unwrap_or_default()));
    let mut past_is_up = pin!(sleep(PATIENCE_FOR_THE_PAST));
    let mut snapshot: Option<Snapshot> = None;
    while display.wants_more() {
        let now = source.now();
        if let (Some(schedule), Some(snapshots)) = (&mut schedule, &snapshots)
            && let Some(kind) = schedule.next(now, || table.asks_for_holders(now))
        {
            match kind {
                SnapshotKind::Full => table.expect_snapshot(),
                SnapshotKind::Owners => {}
            }
            snapshots.request(kind);
        }
        let pause = schedule.as_ref().and_then(|schedule| schedule.pause(now, table.next_question_ns()));
        let mut failed = None;
        tokio::select! {
            () = source.ready() => {}
            result = snapshots.next() => match result {
                Ok(taken) => snapshot = Some(taken),
                Err(error) => failed = Some(error),
            },
            () = sleep(WAITING_INTERVAL), if table.waits() || display.holds_rows() => {}
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            () = &mut past_is_up, if display.holds_rows() => display.release_rows(),
            () = &mut time_is_up, if options.duration.is_some() => break,
            () = display.closed() => break,
            () = &mut stop => break,
        }
        let seen_until = source.drain(|event| apply(&event, &mut table, &mut display, schedule.as_mut()));
        // One drain may not be enough to have applied every event until the snapshot's end.
        if let Some(snapshot) = snapshot.take_if(|snapshot| snapshot.finished.mono_ns <= seen_until.mono_ns) {
            failed = merge(&snapshot, &mut table, &mut display, &mut reports);
            if let (None, Some(schedule)) = (&failed, &mut schedule) {
                schedule.succeeded(&snapshot);
            }
        }
        if let (Some(error), Some(schedule)) = (failed, &mut schedule) {
            schedule.failed(&error);
            fail(&error, &mut table, &mut display, &mut reports);
        }
        table.tick(seen_until, &mut |row| display.show(row));
        display.flush(seen_until);
    }
    let end = source.now();
    source.finish(|event| apply(&event, &mut table, &mut display, None));
    table.release_all(&mut |row| display.show(row));
    if options.existing && snapshots.is_some() && display.wants_more() && !reports.has_full() {
        display
            .note("no snapshot of the sockets was complete: connections from before the start are not shown");
    }
    display.end(end, table.beyond_limit()).await
}

fn apply(event: &Event, table: &mut Table, display: &mut Display, schedule: Option<&mut SnapshotSchedule>) {
    if let Event::Lost(loss) = event {
        display.lost(loss);
    }
    match (event, schedule) {
        (Event::Lost(_) | Event::Doubt, Some(schedule)) => schedule.doubt(),
        _ => table.apply(event, &mut |row| display.show(row)),
    }
}

/// Merges a snapshot; every event until its end has been applied. Returns an error if another one is needed.
fn merge(
    snapshot: &Snapshot,
    table: &mut Table,
    display: &mut Display,
    reports: &mut SnapshotReports,
) -> Option<SnapshotError> {
    match snapshot.kind {
        SnapshotKind::Owners => table.learn_holders(snapshot),
        SnapshotKind::Full => match table.merge(snapshot, &mut |row| display.show(row)) {
            Merged::Complete => display.past_is_complete(),
            Merged::Incomplete => {
                return Some(SnapshotError {
                    kind: snapshot.kind,
                    at: snapshot.finished,
                    why: "more sockets closed meanwhile than the table remembers".to_owned(),
                    may_recover: true,
                });
            }
        },
    }
    if let Some(note) = reports.succeeded(snapshot.kind) {
        display.note(note);
    }
    if let Some(note) = reports.changed_unread(snapshot) {
        if !snapshot.netns_unread.is_empty() {
            display.lost(&lost_snapshot(snapshot.finished));
        }
        display.note(note);
    }
    None
}

fn fail(error: &SnapshotError, table: &mut Table, display: &mut Display, reports: &mut SnapshotReports) {
    match error.kind {
        SnapshotKind::Full => table.snapshot_failed(),
        SnapshotKind::Owners => {}
    }
    display.lost(&lost_snapshot(error.at));
    if let Some(note) = reports.failed(error) {
        display.note(note);
    }
}

fn lost_snapshot(at: Moment) -> Loss {
    Loss { at, count: 1, place: LossPlace::Snapshot, what: LossKind::Snapshots }
}
