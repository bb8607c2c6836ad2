//! Chooses the source: the one that the user named, or the best that works.

#[cfg(target_os = "linux")]
use anyhow::anyhow;
use anyhow::{Context as _, Result, bail};
#[cfg(target_os = "linux")]
use rustix::thread::CapabilitySet;

use super::poll::PollSource;
#[cfg(windows)]
use super::windows::{self, TcpTable};
#[cfg(target_os = "linux")]
use super::{
    ebpf::{self, EbpfSource, Snapshotter},
    proc::{self, ProcPoller},
};
use crate::options::{SourceChoice, TraceOptions};
#[cfg(target_os = "linux")]
use crate::readers::errors;

/// A source that works.
pub enum Chosen {
    /// eBPF's events, and snapshots of all sockets beside them.
    #[cfg(target_os = "linux")]
    Ebpf(Box<EbpfSource>, Option<Snapshotter>),
    /// Polls /proc.
    #[cfg(target_os = "linux")]
    Proc(Box<PollSource<ProcPoller>>),
    /// Polls Windows' TCP table.
    #[cfg(windows)]
    Windows(Box<PollSource<TcpTable>>),
}

#[cfg(target_os = "linux")]
impl Chosen {
    /// The capabilities that it needs after its start, and in threads that it starts later.
    pub fn privileges(&self) -> CapabilitySet {
        match self {
            Self::Ebpf(..) => ebpf::PRIVILEGES,
            Self::Proc(_) => proc::PRIVILEGES,
        }
    }
}

/// Starts the source. Must be called within a tokio runtime.
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
                #[cfg(target_os = "linux")]
                Err(_) if errors::about_resource(&format!("{no_ebpf:#}")).is_some() => {
                    return Err(no_ebpf.context("can't trace"));
                }
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
        filter: options.kernel_filter(),
        ring_bytes: options.ring_bytes,
        memory_limit: options.memory_limit,
        verbose: options.verbose,
        state_hook: options.state_hook,
        minisock_hook: options.minisock_hook,
    })
    .map_err(|error| {
        let text = format!("{error:#}");
        match errors::about_resource(&text) {
            Some(advice) if !text.contains(advice) => {
                anyhow!("the eBPF source can't start: {text}; {advice}")
            }
            _ => error,
        }
    })?;
    Ok(Chosen::Ebpf(Box::new(source), snapshotter))
}

#[cfg(target_os = "linux")]
fn proc(options: &TraceOptions, instead_of: Option<&anyhow::Error>) -> Result<Chosen> {
    let proc_options = proc::ProcOptions {
        root: options.proc_root.clone(),
        netns: options.filter.netns.clone(),
        interval: options.poll_interval,
        duration: options.duration,
        table_size: options.table_size,
        memory_limit: options.memory_limit,
        instead_of,
    };
    Ok(Chosen::Proc(Box::new(proc::start(proc_options)?)))
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
    Ok(Chosen::Windows(Box::new(windows::start(
        options.poll_interval,
        options.duration,
        options.table_size,
    )?)))
}

#[cfg(not(windows))]
fn windows(_: &TraceOptions) -> Result<Chosen> {
    bail!("only Windows has its TCP table: leave --source out")
}
