//! Lines for people on stderr. A thread writes them, because whoever reads stderr may be slow too.

use std::{
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

use crate::standard_streams::write_stderr;

/// How many lines may wait.
const QUEUE_LINES: usize = 64;
/// How long the end waits for the last lines: the totals are worth some seconds.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// Writes lines to stderr from a thread of its own.
#[derive(Debug)]
pub struct StderrLines {
    lines: SyncSender<String>,
    ended: Receiver<()>,
}

impl StderrLines {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start() -> std::io::Result<Self> {
        let (lines, queue) = sync_channel::<String>(QUEUE_LINES);
        let (end, ended) = sync_channel(1);
        std::thread::Builder::new().name("stderr".to_owned()).spawn(move || {
            for line in queue {
                write_stderr(&format!("rnetstat-trace: {line}"));
            }
            let _nobody_waits = end.send(());
        })?;
        Ok(Self { lines, ended })
    }

    /// Writes a line. Drops it if the queue is full: nobody reads stderr.
    pub fn write(&self, line: String) {
        let _full = self.lines.try_send(line);
    }

    /// Waits, for a bounded time, until all lines are written.
    pub fn finish(self) {
        drop(self.lines);
        let _too_slow = self.ended.recv_timeout(END_TIMEOUT);
    }
}
