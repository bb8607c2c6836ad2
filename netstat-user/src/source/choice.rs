//! Which source it is: the one that was asked for, or the best that works.

use anyhow::{Context as _, Result, bail};
#[cfg(target_os = "linux")]
use rustix::thread::CapabilitySet;

use super::poll::PollSource;
#[cfg(windows)]
use super::windows::{self, TcpTable};
#[cfg(target_os = "linux")]
use super::{
    ebpf::{self, EbpfSource, Snapshotter},
    proc::{self, ProcLooker},
};
use crate::options::{SourceChoice, TraceOptions};

/// A source that works.
pub enum Chosen {
    /// The kernel's own events, and what looks at all sockets beside them.
    #[cfg(target_os = "linux")]
    Ebpf(Box<EbpfSource>, Option<Snapshotter>),
    /// Looks at /proc.
    #[cfg(target_os = "linux")]
    Proc(Box<PollSource<ProcLooker>>),
    /// Looks at Windows' TCP table.
    #[cfg(windows)]
    Windows(Box<PollSource<TcpTable>>),
}

#[cfg(target_os = "linux")]
impl Chosen {
    /// What it goes on to need once it has started, in the threads that it starts later.
    pub fn privileges(&self) -> CapabilitySet {
        match self {
            Self::Ebpf(..) => ebpf::PRIVILEGES,
            Self::Proc(_) => proc::PRIVILEGES,
        }
    }
}

/// Starts the source. Has to be called within a tokio runtime.
///
/// # Errors
/// The source that was named doesn't work here, or none does: why, and what to do.
pub fn start(options: &TraceOptions) -> Result<Chosen> {
    match options.source {
        SourceChoice::Ebpf => ebpf(options).context("can't trace"),
        SourceChoice::Proc => proc(options, None).context("can't trace"),
        SourceChoice::Windows => windows(options).context("can't trace"),
        SourceChoice::Auto => {
            let no_ebpf = match ebpf(options) {
                Ok(chosen) => return Ok(chosen),
                Err(error) => error,
            };
            let no_proc = match proc(options, Some(&no_ebpf)) {
                Ok(chosen) => return Ok(chosen),
                Err(error) => error,
            };
            match windows(options) {
                Ok(chosen) => Ok(chosen),
                Err(no_windows) => {
                    bail!("can't trace: eBPF: {no_ebpf:#}; proc: {no_proc:#}; Windows: {no_windows:#}")
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn ebpf(options: &TraceOptions) -> Result<Chosen> {
    let (source, snapshotter) = EbpfSource::start(&ebpf::LoadOptions {
        filter: options.filter.for_kernel(),
        ring_bytes: options.ring_bytes,
        verbose: options.verbose,
        state_hook: options.state_hook,
        minisock_hook: options.minisock_hook,
    })?;
    Ok(Chosen::Ebpf(Box::new(source), snapshotter))
}

#[cfg(target_os = "linux")]
fn proc(options: &TraceOptions, instead_of: Option<&anyhow::Error>) -> Result<Chosen> {
    let request = proc::Request {
        root: options.proc_root.clone(),
        netns: options.filter.netns.clone(),
        interval: options.poll_interval,
        instead_of,
    };
    Ok(Chosen::Proc(Box::new(proc::start(request)?.remembering(options.table_size))))
}

#[cfg(not(target_os = "linux"))]
fn ebpf(_: &TraceOptions) -> Result<Chosen> {
    bail!("only Linux has eBPF: leave --source out")
}

#[cfg(not(target_os = "linux"))]
fn proc(_: &TraceOptions, _: Option<&anyhow::Error>) -> Result<Chosen> {
    bail!("only Linux has /proc: leave --source out")
}

#[cfg(windows)]
fn windows(options: &TraceOptions) -> Result<Chosen> {
    Ok(Chosen::Windows(Box::new(windows::start(options.poll_interval)?.remembering(options.table_size))))
}

#[cfg(not(windows))]
fn windows(_: &TraceOptions) -> Result<Chosen> {
    bail!("only Windows has its TCP table: leave --source out")
}
