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

/// How often a wait checks the queue.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long discarding the queue may take.
const DISCARD_TIMEOUT: Duration = Duration::from_millis(100);

/// Whole lines, with counts of what they report.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// How many of the lines are transitions.
    pub(super) transitions: u64,
    /// The losses that the lines report.
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
    discarded: mpsc::Receiver<Chunk>,
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

    /// Returns true when the queue is empty or the thread has ended, false when the time is up.
    pub(super) fn wait_until_drained(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.queued_bytes() > 0 && !self.has_ended() {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        true
    }

    /// Empties the queue behind the chunk that is being written; returns the sum of what was in it.
    pub(super) fn discard_queue(&self) -> Chunk {
        self.shared.discard.store(true, Ordering::Release);
        // The thread may be blocked in a write. Then the queue stays, and is never written.
        let _drained = self.wait_until_drained(DISCARD_TIMEOUT);
        self.shared.discard.store(false, Ordering::Release);
        let mut sum = Chunk::default();
        while let Ok(chunk) = self.discarded.try_recv() {
            sum.transitions += chunk.transitions;
            sum.losses.add_all(&chunk.losses);
        }
        sum
    }

    /// Closes the queue, waits for the thread's end, and returns how many transitions were written.
    pub(super) fn finish(self, timeout: Duration) -> io::Result<u64> {
        drop(self.queue);
        let result = self.result.recv_timeout(timeout);
        let written = self.shared.written_transitions.load(Ordering::Acquire);
        match result {
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            // A timeout: the thread is blocked in a write.
            Ok(Ok(()) | Err(_)) | Err(_) => Ok(written),
        }
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
    discarded: &mpsc::Sender<Chunk>,
    shared: &Shared,
) -> io::Result<()> {
    for chunk in chunks {
        let (length, transitions) = (chunk.bytes.len(), chunk.transitions);
        if shared.discard.load(Ordering::Acquire) {
            let _ended = discarded.send(chunk);
        } else {
            target.write(&chunk.bytes)?;
            shared.written_transitions.fetch_add(transitions, Ordering::AcqRel);
        }
        shared.queued_bytes.fetch_sub(length, Ordering::AcqRel);
    }
    Ok(())
}
