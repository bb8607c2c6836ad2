//! When a poll gives up: the user wants the trace to end, and a poll of many sockets takes seconds.

use std::io;

use tokio::time::Instant;

use crate::signals;

/// When a poll gives up.
#[derive(Clone, Copy, Debug)]
pub struct Stop {
    by_signal: bool,
    at: Option<Instant>,
}

impl Stop {
    /// Never, for tests.
    #[cfg(test)]
    pub(in crate::source) const NEVER: Self = Self { by_signal: false, at: None };

    /// At a signal to end, or at the end of the trace, if that is known.
    pub(super) fn by_signal_or_at(at: Option<Instant>) -> Self {
        Self { by_signal: true, at }
    }

    /// At this time, whatever signals come.
    pub(in crate::source) fn at(at: Instant) -> Self {
        Self { by_signal: false, at: Some(at) }
    }

    /// Whether the poll gives up.
    pub fn is_due(&self) -> bool {
        (self.by_signal && signals::is_stopping()) || self.at.is_some_and(|at| Instant::now() >= at)
    }

    /// Whether the poll gives up at the end of the trace, not at a signal: the user who sends one waits for no more rows.
    pub fn is_late(&self) -> bool {
        self.is_due() && !(self.by_signal && signals::is_stopping())
    }

    /// To be called between two lines, files or processes.
    ///
    /// # Errors
    /// The poll has to give up.
    pub fn check(&self) -> io::Result<()> {
        if self.is_due() { Err(io::Error::other("the trace ends before the poll does")) } else { Ok(()) }
    }
}
