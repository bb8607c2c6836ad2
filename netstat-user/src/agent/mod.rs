//! The one loop: events from a source, through the table and the filter, to the outputs.

mod command;
mod diagnostics;
#[cfg(test)]
mod drain_order;
#[cfg(test)]
mod growth;
mod initial_rows;
mod outlet;
mod row_order;
mod slot;
mod snapshot_reports;
mod snapshot_schedule;
#[cfg(test)]
mod tests;
mod trace;

use std::{pin::pin, time::Duration};

use tokio::time::sleep;

use self::trace::{After, Trace};
pub use self::{
    command::{Command, CommandReceiver, CommandSender, commands},
    slot::OutputSummary,
};
use crate::{
    options::TraceOptions,
    output::Output,
    source::{EventSource, SnapshotSource},
};

/// How long rows wait until it is known which connections existed before the trace.
const INITIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Traces until the source, an output, a limit of `options` or a command ends it; returns what became of the outputs.
///
/// # Errors
/// The trace can't begin, or an output failed: then the other outputs were ended all the same.
pub async fn run<S: EventSource>(
    options: &TraceOptions,
    mut source: S,
    mut snapshots: Option<impl SnapshotSource>,
    outputs: Vec<Box<dyn Output>>,
    mut commands: CommandReceiver,
) -> anyhow::Result<Vec<OutputSummary>> {
    let mut trace = Trace::start(options, &source, snapshots.is_some(), outputs)?;
    // A polling source has begun the trace by its first poll.
    let elapsed = source.now().mono_ns.saturating_sub(source.started().at.mono_ns);
    let duration = options.duration.unwrap_or_default();
    let mut time_is_up = pin!(sleep(duration.saturating_sub(Duration::from_nanos(elapsed))));
    let mut initial_timeout = pin!(sleep(INITIAL_TIMEOUT));
    while !trace.is_done() {
        if let Some(snapshots) = &snapshots {
            trace.request_snapshot(source.now(), snapshots);
        }
        let now = source.now();
        let (until_snapshot, until_tick) = (trace.until_next_snapshot(now), trace.until_next_tick(now));
        tokio::select! {
            () = source.ready() => {}
            found = snapshots.next() => trace.snapshot_taken(found),
            command = commands.next() => if trace.execute(command, &mut source) == After::Quit { break },
            () = trace.woken() => {}
            () = sleep(until_tick.unwrap_or_default()), if until_tick.is_some() => {}
            () = sleep(until_snapshot.unwrap_or_default()), if until_snapshot.is_some() => {}
            () = &mut initial_timeout, if trace.awaits_initial_rows() => trace.release_rows(),
            () = &mut time_is_up, if options.duration.is_some() => break,
        }
        let applied_until = source.drain(|event| trace.apply(&event));
        trace.merge_snapshot(applied_until);
        trace.request_tuples(applied_until, &source);
        trace.tick(applied_until);
    }
    let end = source.now();
    source.finish(|event| trace.apply(&event));
    let mut summaries = trace.end(end);
    match summaries.iter_mut().find_map(|summary| summary.error.take()) {
        Some(error) => Err(error),
        None => Ok(summaries),
    }
}
