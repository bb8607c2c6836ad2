//! One output with its counts: what it was given, and what waits for it.

use std::collections::VecDeque;

use anyhow::Error;

use super::initial_rows::InitialRows;
use crate::{
    model::{Ended, Loss, Moment, Row, RowKind, Started},
    output::{Delivered, Flow, Output, Tick, Wake},
    table::Connections,
};

/// An output, and what the agent knows about it.
pub(super) struct Slot {
    output: Box<dyn Output>,
    /// None once the rows of connections that existed before the trace have gone out, or if the output doesn't need
    /// them.
    initial: Option<InitialRows>,
    /// Transitions that the output was given.
    transitions: u64,
    repaired: u64,
    /// The part of [`Output::dropped`] that has been reported.
    reported_dropped: u64,
    is_done: bool,
    /// How many rows were withheld since the trace was paused; None while it is not paused.
    withheld: Option<u64>,
    error: Option<Error>,
}

/// What became of one output.
#[derive(Debug)]
pub struct OutputSummary {
    /// The output's name.
    pub name: &'static str,
    /// Transitions that the output was given.
    pub given: u64,
    /// Transitions that the output dropped while the trace ran: its queue was full.
    pub dropped: u64,
    /// Transitions that arrived where the output leads.
    pub delivered: u64,
    /// Rows of the kind [`RowKind::Repaired`].
    pub repaired: u64,
    /// Why the output ended the trace, if that was a failure.
    pub error: Option<Error>,
}

impl Slot {
    pub(super) fn new(output: Box<dyn Output>) -> Self {
        Self {
            output,
            initial: None,
            transitions: 0,
            repaired: 0,
            reported_dropped: 0,
            is_done: false,
            withheld: None,
            error: None,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.output.name()
    }

    pub(super) fn wants_existing(&self) -> bool {
        self.output.wants_existing()
    }

    /// Whether the output needs no more rows, or has failed.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    pub(super) fn start(&mut self, started: &Started, wake: Wake) {
        let flow = self.output.start(started, wake);
        self.follow(flow);
    }

    /// Why the output ended the trace, if that was a failure.
    pub(super) fn take_error(&mut self) -> Option<Error> {
        self.error.take()
    }

    /// From now on other rows wait for those of connections that existed before the trace.
    pub(super) fn wait_for_initial_rows(&mut self) {
        self.initial = Some(InitialRows::default());
    }

    /// Rows of that many connections that existed before the trace follow.
    pub(super) fn expect_initial_rows(&mut self, connections: usize) {
        if let Some(initial) = &mut self.initial {
            initial.reserve(connections);
        }
    }

    pub(super) fn has_waiting_rows(&self) -> bool {
        self.initial.is_some()
    }

    /// Whether rows wait until all connections that existed before the trace are known. After that they wait for the output
    /// alone, where they take less memory than there.
    pub(super) fn awaits_initial_rows(&self) -> bool {
        self.initial.as_ref().is_some_and(|initial| !initial.is_complete())
    }

    /// No more rows of connections that existed before the trace follow.
    pub(super) fn complete_initial_rows(&mut self) {
        if let Some(initial) = &mut self.initial {
            initial.complete();
        }
    }

    /// Keeps a row that has to wait. Returns false if no more may wait.
    pub(super) fn hold(&mut self, row: &Row) -> bool {
        match (&mut self.initial, row.kind) {
            (Some(initial), RowKind::Existing) => {
                initial.add_existing(*row);
                true
            }
            (Some(initial), RowKind::Transition | RowKind::Repaired) => initial.add_other(*row),
            (None, _) => true,
        }
    }

    /// Takes the next row of a time until `now` that the output has room for, if one waits. The others wait no longer
    /// once none is of a connection that existed before the trace.
    pub(super) fn next_waiting(&mut self, now: Moment) -> Waiting {
        match &mut self.initial {
            Some(initial) if self.output.has_room() => match initial.next(now) {
                Some(row) => Waiting::Row(Box::new(row)),
                None if initial.is_over() => Waiting::Remaining(self.take_waiting()),
                None => Waiting::Nothing,
            },
            _ => Waiting::Nothing,
        }
    }

    /// Takes all rows that wait; none will wait from now on.
    pub(super) fn take_waiting(&mut self) -> VecDeque<Row> {
        self.initial.take().map_or_else(VecDeque::new, InitialRows::into_rows)
    }

    /// Gives the output a row that matches the filter.
    pub(super) fn give(&mut self, row: &Row, cgroup: Option<&[u8]>) {
        if self.is_done || (row.kind == RowKind::Existing && !self.wants_existing()) {
            return;
        }
        if let Some(withheld) = &mut self.withheld {
            *withheld += 1;
            return;
        }
        match row.kind {
            RowKind::Transition => self.transitions += 1,
            RowKind::Repaired => self.repaired += 1,
            RowKind::Existing => {}
        }
        let flow = self.output.row(row, cgroup);
        self.follow(flow);
    }

    pub(super) fn lost(&mut self, loss: &Loss) {
        if !self.is_done {
            let flow = self.output.lost(loss);
            self.follow(flow);
        }
    }

    pub(super) fn tick(&mut self, now: Moment, connections: Connections<'_>) {
        if !self.is_done {
            let flow = self.output.tick(&Tick { now, connections, withheld: self.withheld });
            self.follow(flow);
        }
    }

    /// Begins or stops to withhold all rows.
    pub(super) fn set_paused(&mut self, is_paused: bool) {
        self.withheld = is_paused.then(|| self.withheld.unwrap_or(0));
    }

    /// How many transitions the output has dropped since the last call.
    pub(super) fn take_dropped(&mut self) -> u64 {
        let dropped = self.output.dropped();
        dropped - std::mem::replace(&mut self.reported_dropped, dropped)
    }

    /// Ends the output. The counts of what it was given are its own, the others those of `before`.
    pub(super) fn end(&mut self, before: &Ended) -> OutputSummary {
        let (transitions, repaired) = (self.transitions, self.repaired);
        let ended = Ended { transitions, repaired, ..*before };
        let Delivered { transitions: delivered, error } = self.output.end(&ended);
        let error = self.error.take().or(error);
        OutputSummary {
            name: self.name(),
            given: transitions,
            dropped: self.output.dropped(),
            delivered,
            repaired,
            error,
        }
    }

    fn follow(&mut self, flow: anyhow::Result<Flow>) {
        match flow {
            Ok(Flow::Continue) => {}
            Ok(Flow::Done) => self.is_done = true,
            Err(error) => {
                self.is_done = true;
                self.error.get_or_insert(error);
            }
        }
    }
}

/// What an output can take of the rows that wait.
pub(super) enum Waiting {
    /// The next row.
    Row(Box<Row>),
    /// All remaining rows.
    Remaining(VecDeque<Row>),
    /// Nothing now.
    Nothing,
}
