//! Gives the table's rows to the outputs: the filter, the rows' cgroups, pausing, and the counts.

use super::{
    diagnostics::Diagnostics,
    slot::{Held, OutputSummary, Slot},
};
use crate::{
    cgroup,
    filter::Filter,
    model::{Loss, LossKind, LossPlace, Moment, Row, RowKind, Started},
    output::{Output, Tick, Wake},
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
    /// While the trace is paused: how many rows matched the filter.
    withheld: Option<u64>,
}

impl Outlet {
    /// Starts the outputs.
    ///
    /// # Errors
    /// The thread that writes to stderr can't be started.
    pub(super) fn start(
        filter: Filter,
        outputs: Vec<Box<dyn Output>>,
        started: &Started,
    ) -> std::io::Result<Self> {
        let mut outlet = Self {
            filter,
            cgroups: cgroup::Paths::new(),
            slots: outputs.into_iter().map(Slot::new).collect(),
            diagnostics: Diagnostics::start(started)?,
            wake: Wake::default(),
            started_at: started.at,
            lost: 0,
            withheld: None,
        };
        for slot in &mut outlet.slots {
            slot.start(started, outlet.wake.clone());
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
    pub(super) fn hold_rows(&mut self) {
        self.slots.iter_mut().filter(|slot| slot.wants_existing()).for_each(Slot::hold_rows);
    }

    /// Whether rows wait.
    pub(super) fn holds_rows(&self) -> bool {
        self.slots.iter().any(Slot::holds_rows)
    }

    /// No more rows of connections that existed before the trace follow.
    pub(super) fn complete_initial_rows(&mut self) {
        self.slots.iter_mut().for_each(Slot::complete_initial_rows);
    }

    /// Gives all rows that wait to their outputs.
    pub(super) fn release_rows(&mut self) {
        for index in 0..self.slots.len() {
            let rows = self.slots[index].take_held();
            self.give_to(index, &rows);
        }
    }

    /// Sets the filter for all later rows.
    pub(super) fn set_filter(&mut self, filter: Filter) {
        self.filter = filter;
    }

    /// Begins or stops to withhold all rows.
    pub(super) fn set_paused(&mut self, is_paused: bool) {
        self.withheld = is_paused.then(|| self.withheld.unwrap_or(0));
    }

    /// Gives a row to the outputs, if it matches the filter.
    pub(super) fn row(&mut self, row: &Row) {
        if !self.holds_rows() {
            return self.give_to_all(row);
        }
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if row.kind == RowKind::Existing && !slot.wants_existing() {
                continue;
            }
            if !slot.holds_rows() {
                self.give_to(index, std::slice::from_ref(row));
            } else if !slot.hold(row) {
                let rows = slot.take_held();
                self.give_to(index, &rows);
            }
        }
    }

    fn give_to_all(&mut self, row: &Row) {
        let Self { filter, cgroups, slots, withheld, .. } = self;
        let cgroup = row.cgroup.and_then(|id| cgroups.path(id, row.at));
        if !filter.matches(row, cgroup) {
            return;
        }
        if let Some(withheld) = withheld {
            *withheld += 1;
            return;
        }
        for slot in slots.iter_mut().filter(|slot| row.kind != RowKind::Existing || slot.wants_existing()) {
            slot.give(row, cgroup);
        }
    }

    fn give_to(&mut self, index: usize, rows: &[Row]) {
        let Self { filter, cgroups, slots, withheld, .. } = self;
        for row in rows {
            let cgroup = row.cgroup.and_then(|id| cgroups.path(id, row.at));
            if !filter.matches(row, cgroup) {
                continue;
            }
            match withheld {
                Some(withheld) => *withheld += 1,
                None => slots[index].give(row, cgroup),
            }
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

    /// All events until `now` have been applied: the outputs hand over what they have collected.
    pub(super) fn tick(&mut self, now: Moment, connections: Connections<'_>) {
        self.give_initial_rows();
        let tick = Tick { now, connections, withheld: self.withheld };
        for slot in &mut self.slots {
            slot.tick(&tick);
            let dropped = slot.take_dropped();
            self.diagnostics.lost(LossPlace::Output, LossKind::Transitions, dropped);
        }
        self.diagnostics.tick(now);
    }

    /// Gives each output as many of the waiting rows as it has room for.
    fn give_initial_rows(&mut self) {
        for index in 0..self.slots.len() {
            loop {
                match self.slots[index].next_held() {
                    Held::Row(row) => self.give_to(index, std::slice::from_ref(&row)),
                    Held::Remaining(rows) => self.give_to(index, &rows),
                    Held::Nothing => break,
                }
            }
        }
    }

    /// Ends the outputs and reports the totals of the first one on stderr. `beyond_limit` transitions belong to
    /// connections that the table had no capacity for.
    pub(super) fn end(mut self, now: Moment, beyond_limit: u64) -> Vec<OutputSummary> {
        self.withheld = None;
        self.release_rows();
        let duration_ns = now.mono_ns.saturating_sub(self.started_at.mono_ns);
        let mut summaries = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            summaries.push(slot.end(now, self.lost, duration_ns));
            let dropped = slot.take_dropped();
            self.diagnostics.lost(LossPlace::Output, LossKind::Transitions, dropped);
        }
        self.diagnostics.end(summaries.first(), self.lost, duration_ns, beyond_limit);
        summaries
    }
}
