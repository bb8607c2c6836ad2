//! The thread that writes to stdout, and the queue before it.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::Losses;

/// A pipe takes this much whole or not at all (POSIX PIPE_BUF on Linux; pipe(7)), so that no line is
/// ever half written, whenever the program is ended.
const ATOMIC_BYTES: usize = 4096;
/// A file takes any amount; larger is cheaper.
const FILE_BYTES: usize = 64 << 10;

/// Whole lines, with what they tell.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// How many of the lines are transitions.
    pub(super) rows: u64,
    /// The losses that the lines tell.
    pub(super) losses: Losses,
}

/// What both sides of the queue see.
#[derive(Debug, Default)]
struct Shared {
    queued_bytes: AtomicUsize,
    written_rows: AtomicU64,
    discard: AtomicBool,
}

#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Chunk>,
    dropped: mpsc::Receiver<Chunk>,
    shared: Arc<Shared>,
    /// None while the thread lives, then how it ended.
    end: watch::Receiver<Option<Result<(), io::ErrorKind>>>,
    chunk_bytes: usize,
}

impl Writer {
    pub(super) fn start() -> io::Result<Self> {
        let (queue, chunks) = mpsc::channel();
        let (drop_chunk, dropped) = mpsc::channel();
        let (end_sender, end) = watch::channel(None);
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
            let result = write_all(&chunks, &drop_chunk, &theirs);
            end_sender.send_replace(Some(result.map_err(|error| error.kind())));
        })?;
        let chunk_bytes = if is_file() { FILE_BYTES } else { ATOMIC_BYTES };
        Ok(Self { queue, dropped, shared, end, chunk_bytes })
    }

    pub(super) fn chunk_bytes(&self) -> usize {
        self.chunk_bytes
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.shared.queued_bytes.load(Ordering::Acquire)
    }

    pub(super) fn send(&self, chunk: Chunk) {
        self.shared.queued_bytes.fetch_add(chunk.bytes.len(), Ordering::AcqRel);
        // An error means that the thread has ended, which `ended` tells.
        let _ended = self.queue.send(chunk);
    }

    pub(super) async fn ended(&mut self) {
        // An error means the same: the thread is gone.
        let _gone = self.end.wait_for(Option::is_some).await;
    }

    /// Whether the queue became empty in time, or stdout has ended.
    pub(super) async fn drained_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.queued_bytes() > 0 && self.end.borrow().is_none() {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(Duration::from_millis(2)).await;
        }
        true
    }

    /// Empties the queue behind the chunk that is being written; returns what was in it.
    pub(super) async fn discard_queue(&mut self) -> Chunk {
        self.shared.discard.store(true, Ordering::Release);
        // The thread may be stuck in a write: then the queue stays, and never arrives.
        let _emptied = self.drained_within(Duration::from_millis(100)).await;
        self.shared.discard.store(false, Ordering::Release);
        let mut all = Chunk::default();
        while let Ok(chunk) = self.dropped.try_recv() {
            all.rows += chunk.rows;
            all.losses.add_all(&chunk.losses);
        }
        all
    }

    /// Ends the queue, waits for its end, and says how many rows were written.
    pub(super) async fn finish_within(self, patience: Duration) -> io::Result<u64> {
        let Self { queue, shared, mut end, .. } = self;
        drop(queue);
        let ended = timeout(patience, end.wait_for(Option::is_some)).await;
        let written = shared.written_rows.load(Ordering::Acquire);
        match ended {
            Ok(Ok(result)) => match *result {
                Some(Err(kind)) if kind != io::ErrorKind::BrokenPipe => Err(kind.into()),
                _ => Ok(written),
            },
            Ok(Err(_)) | Err(_) => Ok(written),
        }
    }
}

fn write_all(
    chunks: &mpsc::Receiver<Chunk>,
    dropped: &mpsc::Sender<Chunk>,
    shared: &Shared,
) -> io::Result<()> {
    for chunk in chunks {
        let (length, rows) = (chunk.bytes.len(), chunk.rows);
        if shared.discard.load(Ordering::Acquire) {
            let _ended = dropped.send(chunk);
        } else {
            write_chunk(&chunk.bytes)?;
            shared.written_rows.fetch_add(rows, Ordering::AcqRel);
        }
        shared.queued_bytes.fetch_sub(length, Ordering::AcqRel);
    }
    Ok(())
}

/// Writes whole lines; std turns them into what a console takes.
#[cfg(not(unix))]
fn write_chunk(bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;

    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

#[cfg(not(unix))]
fn is_file() -> bool {
    false
}

/// Writes past std's own buffer, whose line at a time would cost a call a row.
#[cfg(unix)]
fn write_chunk(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_file() -> bool {
    use rustix::fs::FileType;
    rustix::fs::fstat(rustix::stdio::stdout()).is_ok_and(|stat| {
        matches!(FileType::from_raw_mode(stat.st_mode), FileType::RegularFile) || is_null_device(&stat)
    })
}

/// /dev/null swallows anything whole (character device 1:3, Documentation/admin-guide/devices.txt).
#[cfg(unix)]
fn is_null_device(stat: &rustix::fs::Stat) -> bool {
    rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::CharacterDevice
        && (rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev)) == (1, 3)
}
