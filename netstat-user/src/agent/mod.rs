//! The one loop: events from a source, through the table and the filter, to a format.

mod display;
mod initial_rows;
mod looking;

use std::{pin::pin, time::Duration};

use tokio::time::sleep;

use self::{display::Display, looking::Looking};
use crate::{
    model::{Event, Snapshot},
    options::TraceOptions,
    source::{self, EventSource, SnapshotSource},
    table::Table,
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
    mut looks: Option<impl SnapshotSource>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let started = source.started();
    let mut table = Table::new(source.capabilities(), options.table_size, source::keeps)
        .with_states_left_out(options.filter.for_kernel().by_states != 0);
    let mut looking = looks.as_ref().map(|_| Looking::new(options.reconcile_interval));
    let mut display = Display::start(options, &started)?;
    if options.existing && looks.is_some() {
        display.hold_rows();
    }

    let mut stop = pin!(stop);
    let mut time_is_up = pin!(sleep(options.duration.unwrap_or_default()));
    let mut past_is_up = pin!(sleep(PATIENCE_FOR_THE_PAST));
    let mut snapshot: Option<Snapshot> = None;
    while display.wants_more() {
        let now = source.now();
        if let (Some(looking), Some(looks)) = (&mut looking, &looks) {
            looking.ask(now, &mut table, looks);
        }
        let pause = looking.as_ref().and_then(|looking| looking.pause(now, &table));
        tokio::select! {
            () = source.ready() => {}
            found = looks.next() => snapshot = found.ok(),
            () = sleep(WAITING_INTERVAL), if table.waits() || display.holds_rows() => {}
            () = sleep(pause.unwrap_or_default()), if pause.is_some() => {}
            () = &mut past_is_up, if display.holds_rows() => display.release_rows(),
            () = &mut time_is_up, if options.duration.is_some() => break,
            () = display.closed() => break,
            () = &mut stop => break,
        }
        let seen_until = source.drain(|event| apply(&event, &mut table, &mut display, looking.as_mut()));
        // One drain may not be enough to have applied every event until the look's end.
        if let Some(snapshot) = snapshot.take_if(|snapshot| snapshot.finished.mono_ns <= seen_until.mono_ns) {
            if let Some(looking) = &mut looking {
                looking.done(&snapshot);
            }
            merge(&snapshot, &mut table, &mut display);
        }
        table.tick(seen_until, &mut |row| display.show(row));
        display.flush(seen_until);
    }
    let end = source.now();
    source.finish(|event| apply(&event, &mut table, &mut display, None));
    table.release_all(&mut |row| display.show(row));
    display.end(end, table.beyond_limit()).await
}

fn apply(event: &Event, table: &mut Table, display: &mut Display, looking: Option<&mut Looking>) {
    if let Event::Lost(loss) = event {
        display.lost(loss);
    }
    match (event, looking) {
        (Event::Lost(_) | Event::Doubt, Some(looking)) => looking.doubt(),
        _ => table.apply(event, &mut |row| display.show(row)),
    }
}

/// What a look has found; the events until its end have been applied.
fn merge(snapshot: &Snapshot, table: &mut Table, display: &mut Display) {
    if snapshot.netns_covered.is_empty() {
        table.learn_holders(snapshot);
    } else {
        table.merge(snapshot, &mut |row| display.show(row));
        display.past_is_complete();
    }
}
