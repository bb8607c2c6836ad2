//! Whether the threads can be started that every trace needs.

use std::{io, sync::mpsc, thread};

/// The threads beside the first one: they write to stdout and stderr, and take snapshots.
const THREADS: usize = 3;

/// Starts as many threads as a trace, which end at once.
///
/// # Errors
/// One of them can't be started: the limit is too low.
pub(super) fn try_start() -> io::Result<()> {
    // They wait until all have been started: the limit is on those that run at the same time.
    let mut started = Vec::new();
    for _ in 0..THREADS {
        let (end, ended) = mpsc::channel::<()>();
        // Nothing is ever sent: recv() returns when the sender is dropped.
        let thread = thread::Builder::new().name("doctor".to_owned()).spawn(move || ended.recv().is_err())?;
        started.push((end, thread));
    }
    for (end, thread) in started {
        drop(end);
        let _waited = thread.join();
    }
    Ok(())
}
