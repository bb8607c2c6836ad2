//! The source that needs no privilege: polls /proc.

mod holders;
mod namespace;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::thread::CapabilitySet;

use self::{holders::Scan, namespace::Namespace};
use super::{
    clock,
    poll::{self, PollSource, Poller},
};
use crate::{
    filter::Values,
    model::{Missing, Owner, Poll, SocketHandle, Source, Started},
};

/// The capabilities(7) that a poll uses, if the process has them: to read which files other users' processes hold, and
/// to enter network namespaces without a process.
pub const PRIVILEGES: CapabilitySet =
    CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH).union(CapabilitySet::SYS_ADMIN);

/// Scans that only look for network namespaces take at most one part in this many of the time.
const SCAN_SHARE: u32 = 20;

/// Reads the sockets from a proc file system.
pub struct ProcPoller {
    root: PathBuf,
    netns: Values<u32>,
    /// Network namespaces that a file of a process holds, as the last scan found them.
    held: FxHashMap<u32, PathBuf>,
    /// When the next scan for namespaces is due. It depends on how long the last one took.
    next_scan: Instant,
}

/// What to poll and how often.
#[derive(Debug)]
pub struct ProcOptions<'a> {
    /// Where the proc file system is mounted.
    pub root: PathBuf,
    /// Inode numbers of the network namespaces to poll; all if none is named.
    pub netns: Values<u32>,
    /// How often.
    pub interval: Duration,
    /// How many connections are kept at most.
    pub table_size: usize,
    /// Why eBPF can't be used.
    pub instead_of: Option<&'a anyhow::Error>,
}

/// Takes the first poll.
///
/// # Errors
/// There is no network namespace whose sockets can be read below the root.
pub fn start(options: ProcOptions<'_>) -> Result<PollSource<ProcPoller>> {
    let missing = missing(&options);
    let ProcOptions { root, netns, interval, table_size, instead_of: _ } = options;
    ensure!(
        is_readable(&root),
        "no process's net/tcp can be read below {}: name a mounted proc file system by --proc-root",
        root.display()
    );
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let started = Started { at: clock::now(), source: Source::Proc, kernel, hooks: Vec::new(), missing };
    Ok(PollSource::start(ProcPoller::new(root, netns), interval, table_size, started))
}

/// Whether there is a network namespace whose tables of sockets can be opened below the root.
pub fn is_readable(root: &Path) -> bool {
    tables::find(root, &FxHashMap::default()).is_ok_and(|namespaces| namespaces.iter().any(Namespace::opens))
}

impl ProcPoller {
    fn new(root: PathBuf, netns: Values<u32>) -> Self {
        Self { root, netns, held: FxHashMap::default(), next_scan: Instant::now() }
    }

    /// Scans the files of all processes for the owners of these sockets, and for network namespaces.
    ///
    /// # Errors
    /// The processes can't be listed, or their files can't be read for want of a resource.
    fn scan(&mut self, sockets: &FxHashSet<SocketHandle>) -> Result<FxHashMap<SocketHandle, Owner>> {
        let began = Instant::now();
        let Scan { owners, namespaces } = holders::scan(&self.root, sockets)?;
        self.held = namespaces;
        self.next_scan = Instant::now() + began.elapsed() * SCAN_SHARE;
        Ok(owners)
    }
}

impl Poller for ProcPoller {
    fn poll(&mut self) -> Result<Poll> {
        if Instant::now() >= self.next_scan {
            self.scan(&FxHashSet::default())?;
        }
        let mut poll = Poll::default();
        let (mut has_read, mut last_error) = (false, None);
        let namespaces = tables::find(&self.root, &self.held)
            .with_context(|| format!("can't list {}", self.root.display()))?;
        for namespace in namespaces {
            if !self.netns.allow(namespace.number) {
                continue;
            }
            match namespace.read() {
                Ok(sockets) => {
                    has_read = true;
                    poll.sockets.extend(sockets);
                }
                Err(error) => {
                    poll.unread.insert(Some(namespace.number));
                    last_error = Some(error);
                }
            }
        }
        if let (false, Some(error)) = (has_read, last_error) {
            return Err(error).context("can't read the sockets of any network namespace");
        }
        poll.at = clock::now();
        Ok(poll)
    }

    fn owners(&mut self, handles: &FxHashSet<SocketHandle>) -> Result<FxHashMap<SocketHandle, Owner>> {
        self.scan(handles)
    }
}

fn missing(options: &ProcOptions<'_>) -> Vec<Missing> {
    let (what, limits) = poll::between_polls(options.interval, &options.root.display().to_string());
    let why = match options.instead_of {
        Some(error) => format!("{limits}; eBPF would show all of it, but {error:#}"),
        None => limits,
    };
    let mut missing = vec![
        Missing { what: what.into(), why },
        Missing {
            what: "cgroups, reasons to end and numbers, times in a state".into(),
            why: format!("{} doesn't show them", options.root.display()),
        },
    ];
    if !rustix::process::geteuid().is_root() {
        missing.push(Missing {
            what: "the processes of other users' sockets, and other network namespaces".into(),
            why:
                "only root may read the files of other users' processes: run it as root (sudo rnetstat-trace)"
                    .to_owned(),
        });
    }
    missing
}
