//! `rnetstat-trace doctor`: what can and can't be seen on this host, why, and what to do about it.

mod advice;
mod host;
mod json;
mod text;
mod wrap;

use std::path::Path;

use anyhow::Context as _;

use self::host::Host;
use crate::{
    model::Missing,
    options::DoctorOptions,
    source::{
        ebpf::{self, Attempts, LoadOptions},
        proc,
    },
    stdout,
};

/// As much as the trace takes unless it is told otherwise, bytes.
const RING_BYTES: u32 = 16 << 20;

/// What was found out.
struct Report {
    host: Host,
    /// Each probe that a start tries.
    attempts: Attempts,
    /// What a trace would not see; an error if the kernel's events can't be had.
    missing: Result<Vec<Missing>, String>,
    /// Whether /proc can be looked at instead.
    has_proc: bool,
}

impl Report {
    /// The source that a trace would take, as `--source` calls it; None if there is none.
    fn source(&self) -> Option<&'static str> {
        match self.missing {
            Ok(_) => Some("ebpf"),
            Err(_) => self.has_proc.then_some("proc"),
        }
    }
}

/// Examines the host and writes to stdout; says whether the kernel's own events can be had.
///
/// # Errors
/// stdout can't be written, for another reason than that its reader went away.
pub fn run(options: DoctorOptions) -> anyhow::Result<bool> {
    let report = examine();
    let text = if options.json { json::write(&report)? } else { text::write(&report, options.color) };
    stdout::write(text.as_bytes()).context("stdout can't be written")?;
    Ok(report.missing.is_ok())
}

fn examine() -> Report {
    // Before the start raises limits.
    let host = Host::examine();
    let mut attempts = Attempts::default();
    let missing = ebpf::probe(&LoadOptions::unfiltered(RING_BYTES), &mut attempts);
    let has_proc = proc::is_readable(Path::new("/proc"));
    Report { host, attempts, missing: missing.map_err(|error| format!("{error:#}")), has_proc }
}
