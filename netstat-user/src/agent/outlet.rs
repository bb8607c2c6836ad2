//! Gives the table's rows to the outputs: the filter, the rows' cgroups, pausing, and the counts.

use std::{collections::VecDeque, ops::Range};

use super::{
    diagnostics::Diagnostics,
    slot::{OutputSummary, Slot, Waiting},
};
use crate::{
    cgroup,
    filter::Filter,
    model::{Ended, Loss, LossKind, LossPlace, LossesUncounted, Moment, Row, RowKind, Started},
    output::{Output, Wake},
    table::Connections,
};

/// All outputs of a trace, and what leads to them.
pub(super) struct Outlet {
    filter: Filter,
    cgroups: cgroup::Paths,
    slots: Vec<Slot>,
    diagnostics: Diagnostics,
    wake: Wake,
    started_at: Moment,
    /// Transitions that were lost before the outputs.
    lost: u64,
    /// Whether [`Self::lost`] is all that was lost.
    counts_losses: bool,
    /// Whether stderr says that losses can't be counted.
    has_told_uncounted: bool,
    /// Transitions that were not shown because the filter is about their owner, which is not known.
    owner_unknown: u64,
}

impl Outlet {
    /// Starts the outputs.
    ///
    /// # Errors
    /// The thread that writes to stderr can't be started, or an output can't: then the others were ended.
    pub(super) fn start(
        filter: Filter,
        outputs: Vec<Box<dyn Output>>,
        started: &Started,
    ) -> anyhow::Result<Self> {
        let mut outlet = Self {
            filter,
            cgroups: cgroup::Paths::new(),
            slots: outputs.into_iter().map(Slot::new).collect(),
            diagnostics: Diagnostics::start()?,
            wake: Wake::default(),
            started_at: started.at,
            lost: 0,
            counts_losses: true,
            has_told_uncounted: false,
            owner_unknown: 0,
        };
        for slot in &mut outlet.slots {
            slot.start(started, outlet.wake.clone());
        }
        // An output that can't start is an error of the start: nothing else is said.
        match outlet.slots.iter_mut().find_map(Slot::take_error) {
            None => outlet.diagnostics.started(started),
            Some(error) => {
                outlet.end_outputs(started.at);
                return Err(error);
            }
        }
        Ok(outlet)
    }

    /// Whether the trace has to end: an output needs no more rows, or has failed.
    pub(super) fn is_done(&self) -> bool {
        self.slots.iter().any(Slot::is_done)
    }

    /// Whether an active output needs the connections that existed before the trace.
    pub(super) fn wants_existing(&self) -> bool {
        self.slots.iter().any(|slot| slot.wants_existing() && !slot.is_done())
    }

    /// Returns when an output requests a tick.
    pub(super) async fn woken(&self) {
        self.wake.woken().await;
    }

    /// From now on all rows wait for those of connections that existed before the trace, if the output needs these.
    pub(super) fn wait_for_initial_rows(&mut self) {
        self.slots.iter_mut().filter(|slot| slot.wants_existing()).for_each(Slot::wait_for_initial_rows);
    }

    /// Rows of up to that many connections that existed before the trace follow.
    pub(super) fn expect_initial_rows(&mut self, connections: usize) {
        self.slots.iter_mut().for_each(|slot| slot.expect_initial_rows(connections));
    }

    /// Whether rows wait.
    pub(super) fn has_waiting_rows(&self) -> bool {
        self.slots.iter().any(Slot::has_waiting_rows)
    }

    /// Whether rows wait until all connections that existed before the trace are known.
    pub(super) fn awaits_initial_rows(&self) -> bool {
        self.slots.iter().any(Slot::awaits_initial_rows)
    }

    /// No more rows of connections that existed before the trace follow.
    pub(super) fn complete_initial_rows(&mut self) {
        self.slots.iter_mut().for_each(Slot::complete_initial_rows);
    }

    /// Gives all rows that wait to their outputs.
    pub(super) fn release_rows(&mut self) {
        for index in 0..self.slots.len() {
            let rows = self.slots[index].take_waiting();
            self.give_all_to(index, rows);
        }
    }

    /// Sets the filter for all later rows.
    pub(super) fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Begins or stops to withhold all rows.
    pub(super) fn set_paused(&mut self, is_paused: bool) {
        self.slots.iter_mut().for_each(|slot| slot.set_paused(is_paused));
    }

    /// Gives a row to the outputs, if it matches the filter.
    pub(super) fn row(&mut self, row: &Row) {
        if !self.has_waiting_rows() {
            return self.give(0..self.slots.len(), row);
        }
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if !slot.has_waiting_rows() {
                self.give(index..index + 1, row);
            } else if !slot.hold(row) {
                let rows = slot.take_waiting();
                self.give_all_to(index, rows);
            }
        }
    }

    /// Gives a row to some of the outputs, if it matches the filter.
    fn give(&mut self, outputs: Range<usize>, row: &Row) {
        let Self { filter, cgroups, slots, owner_unknown, .. } = self;
        let cgroup = row.cgroup.and_then(|id| cgroups.path(id, row.at));
        if filter.matches(row, cgroup) {
            slots[outputs].iter_mut().for_each(|slot| slot.give(row, cgroup));
        } else if outputs.start == 0 && row.kind != RowKind::Existing && filter.lacks_owner(row, cgroup) {
            *owner_unknown += 1;
        }
    }

    fn give_all_to(&mut self, index: usize, rows: VecDeque<Row>) {
        rows.into_iter().for_each(|row| self.give(index..index + 1, &row));
    }

    /// Losses can't be counted any more, or can again: then the count includes what was lost meanwhile.
    pub(super) fn set_loss_count(&mut self, counted: &Result<(), LossesUncounted>) {
        self.counts_losses = counted.is_ok();
        if let Err(LossesUncounted(why)) = counted
            && !std::mem::replace(&mut self.has_told_uncounted, true)
        {
            self.say(format!("losses can't be counted: {why}; transitions may be missing without a word"));
        }
    }

    /// Something was lost before the outputs.
    pub(super) fn lost(&mut self, loss: &Loss) {
        if loss.what == LossKind::Transitions {
            self.lost += loss.count;
        }
        self.diagnostics.lost(loss.place, loss.what, loss.count);
        self.slots.iter_mut().for_each(|slot| slot.lost(loss));
    }

    /// Writes a line to stderr.
    pub(super) fn say(&self, line: String) {
        self.diagnostics.say(line);
    }

    /// All rows until `now` have been given: the outputs hand over what they have collected.
    pub(super) fn tick(&mut self, now: Moment, connections: Connections<'_>) {
        self.give_initial_rows(now);
        for slot in &mut self.slots {
            slot.tick(now, connections);
            let dropped = slot.take_dropped();
            self.diagnostics.lost(LossPlace::Output, LossKind::Transitions, dropped);
        }
        self.diagnostics.tick(now);
    }

    /// Gives each output as many of the waiting rows of a time until `now` as it has room for.
    fn give_initial_rows(&mut self, now: Moment) {
        for index in 0..self.slots.len() {
            loop {
                match self.slots[index].next_waiting(now) {
                    Waiting::Row(row) => self.give(index..index + 1, &row),
                    Waiting::Remaining(rows) => self.give_all_to(index, rows),
                    Waiting::Nothing => break,
                }
            }
        }
    }

    /// Ends the outputs and reports the totals of the first one on stderr.
    pub(super) fn end(mut self, now: Moment) -> Vec<OutputSummary> {
        self.set_paused(false);
        self.release_rows();
        let (ended, summaries) = self.end_outputs(now);
        self.diagnostics.end(summaries.first(), &ended);
        summaries
    }

    fn end_outputs(&mut self, now: Moment) -> (Ended, Vec<OutputSummary>) {
        let duration_ns = now.mono_ns.saturating_sub(self.started_at.mono_ns);
        let ended = Ended {
            at: now,
            transitions: 0,
            lost: self.counts_losses.then_some(self.lost),
            repaired: 0,
            duration_ns,
            owner_unknown: self.owner_unknown,
        };
        let mut summaries = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            summaries.push(slot.end(&ended));
            let dropped = slot.take_dropped();
            self.diagnostics.lost(LossPlace::Output, LossKind::Transitions, dropped);
        }
        (ended, summaries)
    }
}
