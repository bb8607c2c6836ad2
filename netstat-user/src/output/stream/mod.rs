//! The stream: rows as text for stdout, in one of the formats.

mod line_queue;
mod target;
mod writer;

use anyhow::Context as _;

use self::line_queue::LineQueue;
pub use self::target::Target;
use super::{Delivered, Flow, Output, Tick, Wake};
use crate::{
    format::{Formatter, Record},
    model::{Ended, Loss, Moment, Row, RowKind, Started},
};

/// How much of a trace the stream shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// Whether the connections that existed before the trace are shown.
    pub existing: bool,
    /// After how many rows the trace ends; None: no limit.
    pub count: Option<u64>,
}

/// Formats rows and hands them to the thread that writes them.
pub struct StreamOutput {
    formatter: Box<dyn Formatter + Send>,
    /// Where the lines go, until the start.
    target: Option<Target>,
    /// None until the start.
    queue: Option<LineQueue>,
    options: StreamOptions,
    rows_left: u64,
    /// What the queue had dropped when the stream ended.
    dropped: u64,
}

impl StreamOutput {
    /// A stream that has not started.
    pub fn new(formatter: Box<dyn Formatter + Send>, target: Target, options: StreamOptions) -> Self {
        let rows_left = options.count.unwrap_or(u64::MAX);
        Self { formatter, target: Some(target), queue: None, options, rows_left, dropped: 0 }
    }

    fn write(&mut self, record: &Record<'_>) {
        let Self { formatter, queue: Some(queue), .. } = self else { return };
        queue.line(|out| formatter.write(record, out));
    }

    fn write_losses(&mut self, now: Moment) {
        let Self { formatter, queue: Some(queue), .. } = self else { return };
        let Some(losses) = queue.take_losses() else { return };
        for (place, what, count) in losses.iter() {
            let loss = Loss { at: now, count, place, what };
            queue.loss_line(&loss, |out| formatter.write(&Record::Lost(&loss), out));
        }
    }

    fn flow(&self) -> Flow {
        let has_reader = self.queue.as_ref().is_some_and(|queue| !queue.has_ended());
        if has_reader && self.rows_left > 0 { Flow::Continue } else { Flow::Done }
    }
}

impl Output for StreamOutput {
    fn name(&self) -> &'static str {
        "stdout"
    }

    fn wants_existing(&self) -> bool {
        self.options.existing
    }

    fn has_room(&self) -> bool {
        self.queue.as_ref().is_some_and(LineQueue::is_nearly_empty)
    }

    fn start(&mut self, started: &Started, wake: Wake) -> anyhow::Result<Flow> {
        if let Some(target) = self.target.take() {
            self.queue = Some(LineQueue::start(target, wake).with_context(|| {
                format!(
                    "can't start the thread that writes to {} (the limit of threads: pids.max, ulimit -u)",
                    self.name()
                )
            })?);
        }
        self.write(&Record::Start(started));
        if let Some(queue) = &mut self.queue {
            queue.flush();
        }
        Ok(self.flow())
    }

    fn row(&mut self, row: &Row, cgroup: Option<&[u8]>) -> anyhow::Result<Flow> {
        let Self { formatter, queue: Some(queue), rows_left, .. } = self else { return Ok(Flow::Done) };
        if *rows_left == 0 {
            return Ok(Flow::Done);
        }
        *rows_left -= 1;
        let write = |out: &mut Vec<u8>| formatter.write(&Record::Row { row, cgroup }, out);
        match row.kind {
            RowKind::Transition => queue.transition_line(write),
            RowKind::Existing | RowKind::Repaired => queue.line(write),
        }
        Ok(if *rows_left > 0 { Flow::Continue } else { Flow::Done })
    }

    fn lost(&mut self, loss: &Loss) -> anyhow::Result<Flow> {
        if let Some(queue) = &mut self.queue {
            queue.add_loss(loss);
        }
        Ok(self.flow())
    }

    fn tick(&mut self, tick: &Tick<'_>) -> anyhow::Result<Flow> {
        self.write_losses(tick.now);
        if let Some(queue) = &mut self.queue {
            queue.flush();
        }
        Ok(self.flow())
    }

    fn dropped(&self) -> u64 {
        self.queue.as_ref().map_or(self.dropped, LineQueue::dropped)
    }

    fn end(&mut self, ended: &Ended) -> Delivered {
        if let Some(queue) = &mut self.queue {
            queue.settle();
        }
        self.write_losses(ended.at);
        self.dropped = self.dropped();
        let dropped = self.dropped;
        let (transitions, lost) = (ended.transitions - dropped, ended.lost.map(|lost| lost + dropped));
        self.write(&Record::End(&Ended { transitions, lost, ..*ended }));
        let Some(queue) = self.queue.take() else { return Delivered::default() };
        let (transitions, error) = queue.finish();
        let name = self.name();
        let error = error.map(|error| anyhow::Error::new(error).context(format!("{name} can't be written")));
        Delivered { transitions, error }
    }
}
