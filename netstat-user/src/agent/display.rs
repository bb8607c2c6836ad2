//! What the user gets to see: rows through the filter to stdout, losses and the summary on stderr too.

use std::time::Duration;

use super::initial_rows::InitialRows;
use crate::{
    cgroup,
    filter::{Filter, Verdict},
    format::{self, Formatter, Record},
    model::{Ended, Loss, LossKind, LossPlace, Moment, Row, RowKind, Started},
    options::TraceOptions,
    output::{Losses, Notes, Output},
    table::Interest,
};

/// How often stderr is told of losses while they go on, nanoseconds.
const LOSS_NOTE_INTERVAL_NS: u64 = 1_000_000_000;

/// The way out, and the counts of what went it.
pub(super) struct Display {
    filter: Filter,
    cgroups: cgroup::Paths,
    format: Box<dyn Formatter>,
    output: Output,
    notes: Notes,
    /// Rows that may still be shown.
    rows_left: u64,
    /// Transitions that were handed over.
    rows: u64,
    repaired: u64,
    shows_existing: bool,
    /// None once the rows of before the start have gone out, or nobody asked for them.
    past: Option<InitialRows>,
    /// What the source says was lost.
    lost_at_source: u64,
    /// Losses that stderr has not been told of.
    not_noted: Losses,
    noted_at: Option<Moment>,
    started_at: Moment,
}

impl Display {
    pub(super) fn start(options: &TraceOptions, started: &Started) -> std::io::Result<Self> {
        let mut display = Self {
            filter: options.filter.clone(),
            cgroups: cgroup::Paths::new(),
            format: format::new(options.format, options.color),
            output: Output::stdout()?,
            notes: Notes::stderr()?,
            rows_left: options.count.unwrap_or(u64::MAX),
            rows: 0,
            repaired: 0,
            shows_existing: options.existing,
            past: None,
            lost_at_source: 0,
            not_noted: Losses::default(),
            noted_at: None,
            started_at: started.at,
        };
        for missing in &started.missing {
            display.notes.say(format!("not seen here: {} ({})", missing.what, missing.why));
        }
        display.write(&Record::Start(started));
        display.output.flush();
        Ok(display)
    }

    /// Whether `--count` has not been reached.
    pub(super) fn wants_more(&self) -> bool {
        self.rows_left > 0
    }

    /// Returns when nobody reads stdout any more.
    pub(super) async fn closed(&mut self) {
        self.output.closed().await;
    }

    /// Rows wait from now on, so that those of before the start come first.
    pub(super) fn hold_rows(&mut self) {
        self.past = Some(InitialRows::default());
    }

    /// Whether rows wait.
    pub(super) fn holds_rows(&self) -> bool {
        self.past.is_some()
    }

    /// Every row of before the start has been handed over.
    pub(super) fn past_is_complete(&mut self) {
        if let Some(past) = &mut self.past {
            past.complete();
        }
    }

    /// Shows as many rows of before the start as there is room for, and then those that wait for them.
    fn show_past(&mut self) {
        while self.output.has_room()
            && let Some(past) = &mut self.past
        {
            if let Some(row) = past.next() {
                self.write_row(&row);
            } else if past.is_over() {
                self.release_rows();
            } else {
                return;
            }
        }
    }

    /// Shows the rows that wait, and all others as they come.
    pub(super) fn release_rows(&mut self) {
        for row in self.past.take().into_iter().flat_map(InitialRows::into_rows) {
            self.write_row(&row);
        }
    }

    /// Shows a row if it matches the filters; says whether another of its connection ever can.
    pub(super) fn show(&mut self, row: &Row) -> Interest {
        match (&mut self.past, row.kind) {
            (_, RowKind::Existing) if !self.shows_existing => {}
            (Some(past), RowKind::Existing) => past.add(*row),
            (Some(past), RowKind::Transition | RowKind::Repaired) => {
                if !past.hold(*row) {
                    self.release_rows();
                }
            }
            (None, _) => self.write_row(row),
        }
        match self.filter.matches_tuple(row.family, row.local, row.remote) {
            Verdict::Never => Interest::Forget,
            Verdict::NotYetKnown | Verdict::Yes => Interest::Keep,
        }
    }

    fn write_row(&mut self, row: &Row) {
        let Self { filter, cgroups, format, output, .. } = self;
        let cgroup = row.cgroup.and_then(|id| cgroups.path(id, row.at));
        if self.rows_left == 0 || !filter.matches(row, cgroup) {
            return;
        }
        self.rows_left -= 1;
        let write = |out: &mut Vec<u8>| format.write(&Record::Row { row, cgroup }, out);
        match row.kind {
            RowKind::Transition => {
                self.rows += 1;
                output.row(write);
            }
            RowKind::Repaired => {
                self.repaired += 1;
                output.line(write);
            }
            RowKind::Existing => output.line(write),
        }
    }

    /// Writes a line to stderr.
    pub(super) fn note(&self, line: impl Into<String>) {
        self.notes.say(line.into());
    }

    /// Something was lost before it came here.
    pub(super) fn lost(&mut self, loss: &Loss) {
        if loss.what == LossKind::Transitions {
            self.lost_at_source += loss.count;
        }
        self.output.lost(loss.place, loss.what, loss.count);
    }

    /// Hands over what was collected, and tells what was lost.
    pub(super) fn flush(&mut self, now: Moment) {
        self.show_past();
        self.tell_losses(now);
        self.output.flush();
        // A drain that was cut short has seen until before the last one's end.
        let since = |last: Moment| now.mono_ns.saturating_sub(last.mono_ns);
        let due = self.noted_at.is_none_or(|last| since(last) >= LOSS_NOTE_INTERVAL_NS);
        if due && self.not_noted.total() > 0 {
            self.noted_at = Some(now);
            for (place, what, count) in std::mem::take(&mut self.not_noted).iter() {
                if let Some(note) = loss_note(place, what, count) {
                    self.notes.say(note);
                }
            }
        }
    }

    /// Writes the summary, waits for slow readers within reason, and ends.
    pub(super) async fn end(mut self, now: Moment, not_remembered: u64) -> anyhow::Result<()> {
        self.release_rows();
        self.output.settle().await;
        self.tell_losses(now);
        let never_handed_over = self.output.rows_dropped();
        let ended = Ended {
            at: now,
            transitions: self.rows - never_handed_over,
            lost: self.lost_at_source + never_handed_over,
            repaired: self.repaired,
            duration_ns: now.mono_ns.saturating_sub(self.started_at.mono_ns),
        };
        self.write(&Record::End(&ended));
        let arrived = self.output.finish().await;
        let transitions = *arrived.as_ref().unwrap_or(&0);
        let lost = self.lost_at_source + self.rows - transitions;
        let duration = Duration::from_nanos(ended.duration_ns);
        self.notes.say(format!(
            "{transitions} transitions seen, {lost} lost, {} repaired, in {:.1} s",
            ended.repaired,
            duration.as_secs_f64()
        ));
        if not_remembered > 0 {
            self.notes.say(format!(
                "{not_remembered} transitions had no room in the table and lack what came before them: \
                 --table-size sets its size"
            ));
        }
        self.notes.finish();
        arrived.map(drop).map_err(|error| anyhow::Error::new(error).context("stdout can't be written"))
    }

    fn write(&mut self, record: &Record<'_>) {
        let Self { format, output, .. } = self;
        output.line(|out| format.write(record, out));
    }

    fn tell_losses(&mut self, now: Moment) {
        let Some(losses) = self.output.take_losses() else { return };
        self.not_noted.add_all(&losses);
        let Self { format, output, .. } = self;
        for (place, what, count) in losses.iter() {
            let loss = Loss { at: now, count, place, what };
            output.loss(place, what, count, |out| format.write(&Record::Lost(&loss), out));
        }
    }
}

/// A loss, for people, with what can be done about it. None for a snapshot: its failure is reported with the reason.
fn loss_note(place: LossPlace, what: LossKind, count: u64) -> Option<String> {
    Some(match what {
        LossKind::Transitions => lost_transitions(place, count),
        LossKind::Observations => format!(
            "{count} {} of half-open, TIME_WAIT and accepted sockets lost: the kernel's ring buffer was full; \
             a snapshot repairs them",
            if count == 1 { "observation" } else { "observations" }
        ),
        LossKind::UnknownRecords => format!(
            "{count} {} of an unknown kind from the kernel lost: the eBPF object and this program do not match",
            if count == 1 { "record" } else { "records" }
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
        LossPlace::Output => {
            format!("{count} transitions lost: whoever reads stdout is too slow; filter, or write to a file")
        }
        LossPlace::Table => format!(
            "{count} transitions lost: the table is full, and connections that it can't remember are not shown; \
             --table-size sets its size"
        ),
        LossPlace::Snapshot => format!("{count} transitions lost: a snapshot of all sockets failed"),
    }
}
