//! Collects lines into chunks, and drops whole chunks when the reader is too slow.

use std::time::Duration;

use super::{
    super::{Losses, Wake},
    target::Target,
    writer::{Chunk, Reported, Writer},
};
use crate::model::{Loss, LossKind, LossPlace};

/// How many bytes may wait for a slow reader before lines are dropped.
const QUEUE_BYTES: usize = 32 << 20;
/// Rows that can wait elsewhere, where they take less memory, follow when no more than this waits.
const FEW_BYTES: usize = 1 << 20;
/// More than any line has.
const LINE_BYTES: usize = 4 << 10;
/// How long the end waits for a reader that does not go on reading.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// The queue before the thread that writes. A chunk that finds the queue full is dropped whole. The losses that its
/// lines reported are pending again, and its transitions are lost at [`LossPlace::Output`].
#[derive(Debug)]
pub(super) struct LineQueue {
    writer: Writer,
    limit_bytes: usize,
    chunk: Chunk,
    /// Losses that no line has reported yet.
    pending: Losses,
    /// From an overflow until the queue is half empty again.
    is_overflowing: bool,
    dropped: u64,
}

impl LineQueue {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// The thread can't be started.
    pub(super) fn start(target: Target, wake: Wake) -> std::io::Result<Self> {
        Ok(Self {
            limit_bytes: target.queue_bytes().unwrap_or(QUEUE_BYTES),
            writer: Writer::start(target, wake)?,
            chunk: Chunk::default(),
            pending: Losses::default(),
            is_overflowing: false,
            dropped: 0,
        })
    }

    /// Appends a transition's line.
    pub(super) fn transition_line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.line(write);
        self.chunk.transition_ends.push(self.chunk.bytes.len());
    }

    /// Appends a line that reports a loss.
    pub(super) fn loss_line(&mut self, loss: &Loss, write: impl FnOnce(&mut Vec<u8>)) {
        self.line(write);
        self.chunk.losses.add(loss.place, loss.what, loss.count);
    }

    /// Appends any other line.
    pub(super) fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.chunk.bytes.len();
        write(&mut self.chunk.bytes);
        if self.chunk.bytes.len() > self.writer.chunk_bytes() && start > 0 {
            let line = self.chunk.bytes.split_off(start);
            self.send();
            self.chunk.bytes.extend_from_slice(&line);
        }
    }

    /// Adds a loss that a line has to report.
    pub(super) fn add_loss(&mut self, loss: &Loss) {
        self.pending.add(loss.place, loss.what, loss.count);
    }

    /// Takes the losses that lines have to report now; None if there is none, or no room for the lines.
    pub(super) fn take_losses(&mut self) -> Option<Losses> {
        self.is_overflowing = self.is_overflowing && !self.has_room();
        (!self.is_overflowing && self.pending.total() > 0).then(|| std::mem::take(&mut self.pending))
    }

    /// Whether so little waits that the writer will soon have nothing to do.
    pub(super) fn is_nearly_empty(&self) -> bool {
        self.writer.queued_bytes() <= FEW_BYTES
    }

    /// Whether the queue is at most half full.
    pub(super) fn has_room(&self) -> bool {
        self.writer.queued_bytes() <= self.limit_bytes / 2
    }

    /// How many transitions were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Hands over what has been collected.
    pub(super) fn flush(&mut self) {
        if !self.chunk.bytes.is_empty() {
            self.send();
        }
    }

    /// Whether nothing can be written any more: the reader has gone, or an error.
    pub(super) fn has_ended(&self) -> bool {
        self.writer.has_ended()
    }

    /// Waits, for a bounded time, until the reader has everything: not longer if it has stopped reading. Drops and counts the
    /// rest.
    pub(super) fn settle(&mut self) {
        self.flush();
        if !self.writer.wait_until_drained(END_TIMEOUT) {
            let discarded = self.writer.discard_queue();
            self.drop_lines(&discarded);
        }
        self.is_overflowing = false;
    }

    /// Writes the last lines and ends. Returns how many transitions were written, and why a line could not be written, for
    /// another reason than that the reader has gone.
    pub(super) fn finish(mut self) -> (u64, Option<std::io::Error>) {
        self.flush();
        self.writer.finish(END_TIMEOUT)
    }

    fn send(&mut self) {
        // Capacity for a whole chunk at once: a buffer that grows is copied, and beyond 128 KiB mapped anew.
        let bytes = Vec::with_capacity(self.writer.chunk_bytes() + LINE_BYTES);
        let chunk = std::mem::replace(&mut self.chunk, Chunk { bytes, ..Chunk::default() });
        if self.is_overflowing || self.writer.queued_bytes() + chunk.bytes.len() > self.limit_bytes {
            self.is_overflowing = true;
            self.drop_lines(&chunk.reported());
        } else {
            self.writer.send(chunk);
        }
    }

    fn drop_lines(&mut self, Reported { transitions, losses }: &Reported) {
        self.dropped += transitions;
        self.pending.add(LossPlace::Output, LossKind::Transitions, *transitions);
        self.pending.add_all(losses);
    }
}
