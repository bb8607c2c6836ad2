//! Messages on stderr: what can't be seen, what was lost, and the totals at the end.

use std::time::Duration;

use anyhow::Context as _;

use super::slot::OutputSummary;
use crate::{
    model::{Ended, LossKind, LossPlace, Moment, Started},
    output::{Losses, StderrLines},
};

/// How often losses are reported while they go on, nanoseconds.
const LOSS_INTERVAL_NS: u64 = 1_000_000_000;

/// Lines for stderr.
pub(super) struct Diagnostics {
    lines: StderrLines,
    unreported: Losses,
    reported_at: Option<Moment>,
}

impl Diagnostics {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The thread can't be started.
    pub(super) fn start() -> anyhow::Result<Self> {
        let lines = StderrLines::start().context(
            "can't start the thread that writes to stderr (the limit of threads: pids.max, ulimit -u)",
        )?;
        Ok(Self { lines, unreported: Losses::default(), reported_at: None })
    }

    /// Says what the source can't see.
    pub(super) fn started(&self, started: &Started) {
        for missing in &started.missing {
            self.lines.write(format!("not seen here: {} ({})", missing.what, missing.why));
        }
    }

    /// Writes a line.
    pub(super) fn say(&self, line: String) {
        self.lines.write(line);
    }

    /// Adds a loss that will be reported.
    pub(super) fn lost(&mut self, place: LossPlace, what: LossKind, count: u64) {
        self.unreported.add(place, what, count);
    }

    /// Reports losses, if there are any and the last report is long enough ago.
    pub(super) fn tick(&mut self, now: Moment) {
        // A drain that was cut short is complete until an earlier time than the one before.
        let since = |last: Moment| now.mono_ns.saturating_sub(last.mono_ns);
        if self.unreported.total() > 0 && self.reported_at.is_none_or(|at| since(at) >= LOSS_INTERVAL_NS) {
            self.reported_at = Some(now);
            self.report_losses();
        }
    }

    fn report_losses(&mut self) {
        for (place, what, count) in std::mem::take(&mut self.unreported).iter() {
            if let Some(line) = describe_loss(place, what, count) {
                self.lines.write(line);
            }
        }
    }

    /// Reports the last losses and the totals, and waits for a bounded time until all is written.
    pub(super) fn end(mut self, summary: Option<&OutputSummary>, ended: &Ended) {
        let Ended { lost, duration_ns, owner_unknown, .. } = *ended;
        self.report_losses();
        if owner_unknown > 0 {
            self.lines.write(format!(
                "{owner_unknown} transitions are not shown because their process is not known: --pid, --comm and \
                 --user match known ones only; rnetstat-trace doctor says what would show more"
            ));
        }
        if let Some(&OutputSummary { given, delivered, repaired, .. }) = summary {
            let lost = match lost {
                Some(lost) => format!("{} lost", lost + given - delivered),
                None => "losses can't be counted".to_owned(),
            };
            let seconds = Duration::from_nanos(duration_ns).as_secs_f64();
            self.lines.write(format!(
                "{delivered} transitions seen, {lost}, {repaired} repaired, in {seconds:.1} s"
            ));
        }
        self.lines.finish();
    }
}

/// Describes a loss, and what the user can do about it. None for snapshots: their failure is reported with its reason.
fn describe_loss(place: LossPlace, what: LossKind, count: u64) -> Option<String> {
    let plural = if count == 1 { "" } else { "s" };
    Some(match what {
        LossKind::Transitions => lost_transitions(place, count),
        LossKind::Observations => format!(
            "{count} observation{plural} of half-open, TIME_WAIT and accepted sockets lost: the kernel's ring buffer \
             was full; a snapshot repairs them"
        ),
        LossKind::UnknownRecords => format!(
            "{count} record{plural} of an unknown kind from the kernel lost: the eBPF object and this program do not \
             match"
        ),
        LossKind::Snapshots => return None,
    })
}

fn lost_transitions(place: LossPlace, count: u64) -> String {
    match place {
        LossPlace::Ring => format!("{count} transitions lost: the kernel's ring buffer was full"),
        LossPlace::Nested => {
            format!("{count} transitions lost: the kernel skipped a nested run of the program")
        }
        LossPlace::Output => format!(
            "{count} transitions lost: the reader of the output is too slow; use a filter, or write to a file"
        ),
        LossPlace::Table => format!(
            "{count} transitions lost: the table is full, and connections beyond its size are not shown; --table-size \
             sets it"
        ),
        LossPlace::Snapshot => format!("{count} transitions lost: a snapshot of all sockets failed"),
    }
}
