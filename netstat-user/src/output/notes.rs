//! Lines for people on stderr, which may be as slow as stdout: the agent never waits for them either.

use std::{
    io::Write as _,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    time::Duration,
};

/// As many lines may wait.
const WAITING_LINES: usize = 64;
/// How long the end waits for the last lines.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes lines to stderr from a thread of its own.
#[derive(Debug)]
pub struct Notes {
    lines: SyncSender<String>,
    done: Receiver<()>,
}

impl Notes {
    /// Begins to write to stderr.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn stderr() -> std::io::Result<Self> {
        let (lines, waiting) = sync_channel::<String>(WAITING_LINES);
        let (end, done) = sync_channel(1);
        std::thread::Builder::new().name("stderr".to_owned()).spawn(move || {
            for line in waiting {
                // There is nowhere left to say that stderr can't be written.
                let _unwritten = writeln!(std::io::stderr(), "rnetstat-trace: {line}");
            }
            let _nobody_waits = end.send(());
        })?;
        Ok(Self { lines, done })
    }

    /// Says a line; drops it if nobody reads stderr.
    pub fn say(&self, line: String) {
        let _full = self.lines.try_send(line);
    }

    /// Waits, for a bounded time, until all is said.
    pub fn finish(self) {
        drop(self.lines);
        let _too_slow = self.done.recv_timeout(PATIENCE);
    }
}
