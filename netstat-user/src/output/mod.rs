//! Brings lines to stdout without ever waiting for whoever reads them.

mod notes;
mod writer;

use std::time::Duration;

pub use notes::Notes;

use self::writer::{Chunk, Writer};
use crate::model::{LossKind, LossPlace};

/// How many bytes may wait for a slow reader before lines are dropped.
const QUEUE_BYTES: usize = 32 << 20;
/// More than any line has.
const LINE_BYTES: usize = 4 << 10;
/// How long the end waits for a reader that has not read everything.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many events were lost, by place and kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    counts: [[u64; LossKind::ALL.len()]; LossPlace::ALL.len()],
}

impl Losses {
    /// Adds to one place and kind.
    pub fn add(&mut self, place: LossPlace, what: LossKind, count: u64) {
        self.counts[place as usize][what as usize] += count;
    }

    /// Adds all of another's.
    pub fn add_all(&mut self, other: &Self) {
        for (place, what, count) in other.iter() {
            self.add(place, what, count);
        }
    }

    /// The places and kinds with a loss.
    pub fn iter(&self) -> impl Iterator<Item = (LossPlace, LossKind, u64)> {
        let places = LossPlace::ALL.into_iter().zip(self.counts);
        places
            .flat_map(|(place, counts)| {
                LossKind::ALL.into_iter().zip(counts).map(move |(what, n)| (place, what, n))
            })
            .filter(|(_, _, count)| *count > 0)
    }

    /// The sum over all places and kinds.
    pub fn total(&self) -> u64 {
        self.counts.as_flattened().iter().sum()
    }
}

/// Collects lines into chunks and hands them to the thread that writes. A chunk that finds the queue
/// full is dropped whole; what it held comes back as pending losses.
#[derive(Debug)]
pub struct Output {
    writer: Writer,
    chunk: Chunk,
    /// Losses that the stream has not told yet.
    pending: Losses,
    /// After an overflow, until the queue is half empty again.
    overflowing: bool,
    rows_dropped: u64,
}

impl Output {
    /// Begins to write to stdout.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn stdout() -> std::io::Result<Self> {
        Ok(Self {
            writer: Writer::start()?,
            chunk: Chunk::default(),
            pending: Losses::default(),
            overflowing: false,
            rows_dropped: 0,
        })
    }

    /// Appends a transition's line.
    pub fn row(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.line(write);
        self.chunk.rows += 1;
    }

    /// Appends a line that tells of a loss.
    pub fn loss(&mut self, place: LossPlace, what: LossKind, count: u64, write: impl FnOnce(&mut Vec<u8>)) {
        self.line(write);
        self.chunk.losses.add(place, what, count);
    }

    /// Appends any other line.
    pub fn line(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.chunk.bytes.len();
        write(&mut self.chunk.bytes);
        if self.chunk.bytes.len() > self.writer.chunk_bytes() && start > 0 {
            let line = self.chunk.bytes.split_off(start);
            self.send();
            self.chunk.bytes.extend_from_slice(&line);
        }
    }

    /// Notes a loss that the stream shall tell.
    pub fn lost(&mut self, place: LossPlace, what: LossKind, count: u64) {
        self.pending.add(place, what, count);
    }

    /// The losses to tell, once there is room to tell them.
    pub fn take_losses(&mut self) -> Option<Losses> {
        self.overflowing = self.overflowing && self.writer.queued_bytes() > QUEUE_BYTES / 2;
        (!self.overflowing && self.pending.total() > 0).then(|| std::mem::take(&mut self.pending))
    }

    /// Whether there is room for as much again.
    pub fn has_room(&self) -> bool {
        self.writer.queued_bytes() < QUEUE_BYTES / 2
    }

    /// How many rows were dropped for a slow reader.
    pub fn rows_dropped(&self) -> u64 {
        self.rows_dropped
    }

    /// Hands over what has been collected.
    pub fn flush(&mut self) {
        if !self.chunk.bytes.is_empty() {
            self.send();
        }
    }

    /// Returns when stdout has ended: its reader went away, or an error.
    pub async fn closed(&mut self) {
        self.writer.ended().await;
    }

    /// Waits, for a bounded time, until the reader has everything; drops and counts what it hasn't.
    pub async fn settle(&mut self) {
        self.flush();
        if !self.writer.drained_within(PATIENCE).await {
            let dropped = self.writer.discard_queue().await;
            self.take_back(&dropped);
        }
        self.overflowing = false;
    }

    /// Writes the last lines and ends; says how many rows arrived.
    ///
    /// # Errors
    /// stdout could not be written, but for a reader that went away.
    pub async fn finish(mut self) -> std::io::Result<u64> {
        self.flush();
        self.writer.finish_within(PATIENCE).await
    }

    fn send(&mut self) {
        // Room for a whole chunk at once: a buffer that grows is copied, and beyond 128 KiB mapped anew.
        let room =
            Chunk { bytes: Vec::with_capacity(self.writer.chunk_bytes() + LINE_BYTES), ..Chunk::default() };
        let chunk = std::mem::replace(&mut self.chunk, room);
        if self.overflowing || self.writer.queued_bytes() + chunk.bytes.len() > QUEUE_BYTES {
            self.overflowing = true;
            self.take_back(&chunk);
        } else {
            self.writer.send(chunk);
        }
    }

    fn take_back(&mut self, chunk: &Chunk) {
        self.rows_dropped += chunk.rows;
        self.pending.add(LossPlace::Output, LossKind::Transitions, chunk.rows);
        self.pending.add_all(&chunk.losses);
    }
}
