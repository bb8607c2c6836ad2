//! The thread that writes, and the queue before it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use super::{
    super::{Losses, Wake},
    target::Target,
};
use crate::standard_streams::WriteError;

/// How often a wait checks the queue.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// After how many timeouts a wait ends even if the reader makes progress.
const LONGEST_TIMEOUTS: u32 = 10;
/// How long discarding the queue may take.
const DISCARD_TIMEOUT: Duration = Duration::from_millis(100);

/// Whole lines, and what they report.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// Where the lines of transitions end.
    pub(super) transition_ends: Vec<usize>,
    /// The losses that the lines report.
    pub(super) losses: Losses,
}

impl Chunk {
    pub(super) fn reported(&self) -> Reported {
        Reported { transitions: self.transition_ends.len() as u64, losses: self.losses }
    }
}

/// What lines report.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reported {
    pub(super) transitions: u64,
    pub(super) losses: Losses,
}

/// What both threads see.
#[derive(Debug, Default)]
struct Shared {
    queued_bytes: AtomicUsize,
    written_transitions: AtomicU64,
    discard: AtomicBool,
    has_ended: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Chunk>,
    discarded: mpsc::Receiver<Reported>,
    shared: Arc<Shared>,
    /// How the thread ended; without a message if it panicked.
    result: mpsc::Receiver<io::Result<()>>,
    chunk_bytes: usize,
}

impl Writer {
    pub(super) fn start(mut target: Target, wake: Wake) -> io::Result<Self> {
        let (queue, chunks) = mpsc::channel();
        let (discard, discarded) = mpsc::channel();
        let (end, result) = mpsc::channel();
        let shared = Arc::new(Shared::default());
        let chunk_bytes = target.chunk_bytes();
        let at_end = AtEnd { shared: Arc::clone(&shared), wake };
        std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            let result = write_all(&mut target, &chunks, &discard, &at_end.shared);
            let _nobody_waits = end.send(result);
            drop(at_end);
        })?;
        Ok(Self { queue, discarded, shared, result, chunk_bytes })
    }

    pub(super) fn chunk_bytes(&self) -> usize {
        self.chunk_bytes
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.shared.queued_bytes.load(Ordering::Acquire)
    }

    pub(super) fn send(&self, chunk: Chunk) {
        self.shared.queued_bytes.fetch_add(chunk.bytes.len(), Ordering::AcqRel);
        // An error means that the thread has ended, which `has_ended` reports.
        let _ended = self.queue.send(chunk);
    }

    pub(super) fn has_ended(&self) -> bool {
        self.shared.has_ended.load(Ordering::Acquire)
    }

    /// Returns true when the queue is empty or the thread has ended, false when it did not get shorter for this time.
    pub(super) fn wait_until_drained(&self, timeout: Duration) -> bool {
        let longest = Instant::now() + LONGEST_TIMEOUTS * timeout;
        let (mut shortest, mut deadline) = (usize::MAX, longest);
        loop {
            let queued = self.queued_bytes();
            if queued == 0 || self.has_ended() {
                return true;
            }
            let now = Instant::now();
            if queued < shortest {
                (shortest, deadline) = (queued, longest.min(now + timeout));
            } else if now >= deadline {
                return false;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// Empties the queue behind the chunk that is being written; returns the sum of what was in it.
    pub(super) fn discard_queue(&self) -> Reported {
        self.shared.discard.store(true, Ordering::Release);
        // The thread may be blocked in a write. Then the queue stays, and is never written.
        let _drained = self.wait_until_drained(DISCARD_TIMEOUT);
        self.shared.discard.store(false, Ordering::Release);
        let mut sum = Reported::default();
        while let Ok(reported) = self.discarded.try_recv() {
            sum.transitions += reported.transitions;
            sum.losses.add_all(&reported.losses);
        }
        sum
    }

    /// Closes the queue, waits for the thread's end, and returns how many transitions were written, and why the others
    /// were not if that is an error: another one than that the reader has gone.
    pub(super) fn finish(self, timeout: Duration) -> (u64, Option<io::Error>) {
        drop(self.queue);
        let result = self.result.recv_timeout(timeout);
        let written = self.shared.written_transitions.load(Ordering::Acquire);
        let error = match result {
            Ok(Err(error)) => Some(error).filter(|error| error.kind() != io::ErrorKind::BrokenPipe),
            // A timeout: the thread is blocked in a write.
            Ok(Ok(())) | Err(_) => None,
        };
        (written, error)
    }
}

/// Reports the thread's end, after a panic too.
struct AtEnd {
    shared: Arc<Shared>,
    wake: Wake,
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::Release);
        self.wake.wake();
    }
}

fn write_all(
    target: &mut Target,
    chunks: &mpsc::Receiver<Chunk>,
    discarded: &mpsc::Sender<Reported>,
    shared: &Shared,
) -> io::Result<()> {
    for chunk in chunks {
        if shared.discard.load(Ordering::Acquire) {
            let _ended = discarded.send(chunk.reported());
        } else {
            let result = target.write(&chunk.bytes);
            let written = result.as_ref().map_or_else(|error| error.written, |()| chunk.bytes.len());
            let transitions = chunk.transition_ends.partition_point(|end| *end <= written);
            shared.written_transitions.fetch_add(transitions as u64, Ordering::AcqRel);
            result.map_err(|WriteError { error, .. }| error)?;
        }
        shared.queued_bytes.fetch_sub(chunk.bytes.len(), Ordering::AcqRel);
    }
    Ok(())
}
