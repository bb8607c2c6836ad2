//! What `doctor` finds out: facts about the host, and the outcome of a real start.

use std::path::Path;

use super::{host::Host, threads};
use crate::{
    model::Missing,
    source::{
        ebpf::{self, Attempts, LoadOptions},
        proc,
    },
};

/// What was found out.
pub(super) struct Report {
    /// The host and the user.
    pub host: Host,
    /// Each program that a start tries to load.
    pub attempts: Attempts,
    /// What a trace by eBPF would not see; the error if there can't be one.
    pub missing: Result<Vec<Missing>, String>,
    /// Whether /proc can be polled instead.
    pub has_proc: bool,
    /// Why no trace can start its threads, if that is so.
    pub no_threads: Option<String>,
}

impl Report {
    /// Examines the host, and starts a trace by eBPF and ends it.
    pub fn of_this_host() -> Self {
        // First, because the start raises limits.
        let host = Host::examine();
        let mut attempts = Attempts::default();
        let missing = ebpf::probe(&LoadOptions::unfiltered(None, host.memory_limit), &mut attempts);
        let has_proc = proc::is_readable(Path::new("/proc"));
        let no_threads = threads::try_start().err().map(|error| format!("no thread can be started: {error}"));
        let missing = missing.map_err(|error| format!("{error:#}"));
        Self { host, attempts, missing, has_proc, no_threads }
    }

    /// The source that a trace would choose, as `--source` names it; None if none works.
    pub fn source(&self) -> Option<&'static str> {
        match self.missing {
            _ if self.no_threads.is_some() => None,
            Ok(_) => Some("ebpf"),
            Err(_) => self.has_proc.then_some("proc"),
        }
    }

    /// Why a trace would not use eBPF, or would not start at all.
    pub fn error(&self) -> Option<&str> {
        self.no_threads.as_deref().or(self.missing.as_ref().err().map(String::as_str))
    }
}
