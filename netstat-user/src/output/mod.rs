//! Where rows go: the trait that every output implements, and what the outputs share.
//!
//! No output may block the agent. An output that can be slow (a pipe, a disk, a socket, a terminal) has a thread of
//! its own behind a bounded queue, and counts what the queue can't take.

mod losses;
#[cfg(test)]
pub mod memory;
mod stderr;
mod stream;

use std::sync::Arc;

use tokio::sync::Notify;

pub use self::{
    losses::Losses,
    stderr::StderrLines,
    stream::{StreamOptions, StreamOutput, Target},
};
use crate::{
    model::{Ended, Loss, Moment, Row, Started},
    table::Connections,
};

/// What an output answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// More is wanted.
    Continue,
    /// The output needs no more rows, or its reader has gone: the trace ends.
    Done,
}

/// What an output learns after each batch of events.
#[derive(Clone, Copy, Debug)]
pub struct Tick<'a> {
    /// Until when all events have been applied.
    pub now: Moment,
    /// All open connections.
    pub connections: Connections<'a>,
    /// How many rows matched the filter and were withheld since the trace was paused; None while it is not paused.
    pub withheld: Option<u64>,
}

/// A consumer of a trace. The agent calls `start`, then `row`, `lost` and `tick`, then `end`.
pub trait Output {
    /// Its name in messages, like `stdout`.
    fn name(&self) -> &'static str;

    /// Whether it needs a row for each connection that existed before the trace.
    fn wants_existing(&self) -> bool;

    /// Whether it can take more rows at once. Rows of connections that existed before the trace wait for this.
    fn has_room(&self) -> bool;

    /// The trace begins. The output calls `wake` when something happens in its own thread: a tick follows.
    ///
    /// # Errors
    /// The output can't begin: the trace ends.
    fn start(&mut self, started: &Started, wake: Wake) -> anyhow::Result<Flow>;

    /// A row, and the path of its cgroup.
    ///
    /// # Errors
    /// The output can't go on: the trace ends. The same holds for the other methods.
    fn row(&mut self, row: &Row, cgroup: Option<&[u8]>) -> anyhow::Result<Flow>;

    /// Something was lost before the outputs.
    fn lost(&mut self, loss: &Loss) -> anyhow::Result<Flow>;

    /// A batch of events has been applied.
    fn tick(&mut self, tick: &Tick<'_>) -> anyhow::Result<Flow>;

    /// How many transitions it has dropped since the start, because its queue was full.
    fn dropped(&self) -> u64;

    /// The trace has ended. `ended` counts what the output was given. Blocks for a bounded time, until what is slow has
    /// taken everything.
    fn end(&mut self, ended: &Ended) -> Delivered;
}

/// What arrived where an output leads.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Transitions.
    pub transitions: u64,
    /// Why the others did not arrive, if that is a failure.
    pub error: Option<anyhow::Error>,
}

/// Wakes the agent's loop.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Asks for a tick, from any thread.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Returns after the next [`Self::wake`], or at once if one came before. Dropping the future loses nothing.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}
