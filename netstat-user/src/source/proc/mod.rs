//! The source that needs no privilege: looks at /proc, now and then.

mod holders;
mod namespace;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::thread::CapabilitySet;

use self::{holders::Held, namespace::Namespace};
use super::{
    clock,
    poll::{self, Handle, Look, Looker, PollSource},
};
use crate::{
    filter::Values,
    model::{Missing, Owner, Source, Started},
};

/// What a look needs of capabilities(7), as far as we have it: to read what other users' processes hold, and to
/// enter the network namespaces in which there is no process.
pub const PRIVILEGES: CapabilitySet =
    CapabilitySet::SYS_PTRACE.union(CapabilitySet::DAC_READ_SEARCH).union(CapabilitySet::SYS_ADMIN);

/// How much of the time goes into walks for the sake of namespaces alone: one part in so many.
const SHARE: u32 = 20;

/// Looks at the sockets that a /proc shows.
pub struct ProcLooker {
    root: PathBuf,
    netns: Values<u32>,
    /// What the last walk through all files has found that holds network namespaces.
    held: FxHashMap<u32, PathBuf>,
    /// When another walk is due at the latest, as the last one took long or not.
    next_walk: Instant,
}

/// Where to look, how often, and what else has been tried.
#[derive(Debug)]
pub struct Request<'a> {
    /// Where the proc file system is mounted.
    pub root: PathBuf,
    /// Inode numbers of the network namespaces to look at; all if none is named.
    pub netns: Values<u32>,
    /// How often.
    pub interval: Duration,
    /// Why this isn't the better source that was wanted.
    pub instead_of: Option<&'a anyhow::Error>,
}

/// Has not looked yet.
///
/// # Errors
/// There is no network namespace whose sockets can be read below the root.
pub fn start(request: Request<'_>) -> Result<PollSource<ProcLooker>> {
    let missing = missing(&request);
    let Request { root, netns, interval, instead_of: _ } = request;
    ensure!(
        is_readable(&root),
        "no process's net/tcp can be read below {}: name a mounted proc file system by --proc-root",
        root.display()
    );
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let started = Started { at: clock::now(), source: Source::Proc, kernel, hooks: Vec::new(), missing };
    Ok(PollSource::start(ProcLooker::new(root, netns), interval, started))
}

/// Whether there is a network namespace whose tables of sockets can be opened below the root.
pub fn is_readable(root: &Path) -> bool {
    tables::find(root, &FxHashMap::default()).iter().any(Namespace::opens)
}

impl ProcLooker {
    fn new(root: PathBuf, netns: Values<u32>) -> Self {
        Self { root, netns, held: FxHashMap::default(), next_walk: Instant::now() }
    }

    /// Asks all processes' files who holds these sockets; what holds namespaces is seen on the same way.
    fn walk(&mut self, sockets: &FxHashSet<Handle>) -> FxHashMap<Handle, Owner> {
        let began = Instant::now();
        let Held { owners, namespaces } = holders::walk(&self.root, sockets);
        self.held = namespaces;
        self.next_walk = Instant::now() + began.elapsed() * SHARE;
        owners
    }
}

impl Looker for ProcLooker {
    fn look(&mut self) -> Look {
        if Instant::now() >= self.next_walk {
            self.walk(&FxHashSet::default());
        }
        let mut look = Look::default();
        for namespace in tables::find(&self.root, &self.held) {
            if !self.netns.allow(namespace.number) {
                continue;
            }
            match namespace.read() {
                Ok(sockets) => look.sockets.extend(sockets),
                Err(_) => {
                    look.unread.insert(Some(namespace.number));
                }
            }
        }
        look.at = clock::now();
        look
    }

    fn owners(&mut self, handles: &FxHashSet<Handle>) -> FxHashMap<Handle, Owner> {
        self.walk(handles)
    }
}

fn missing(request: &Request<'_>) -> Vec<Missing> {
    let (what, limits) = poll::between_looks(request.interval, &request.root.display().to_string());
    let why = match request.instead_of {
        Some(error) => format!("{limits}; eBPF would show all of it, but {error:#}"),
        None => limits,
    };
    let mut missing = vec![
        Missing { what, why },
        Missing {
            what: "cgroups, reasons to end and numbers, times in a state",
            why: format!("{} doesn't tell them", request.root.display()),
        },
    ];
    if !rustix::process::geteuid().is_root() {
        missing.push(Missing {
            what: "the processes of other users' sockets, and other network namespaces",
            why: "only root may look into other users' processes: run it as root (sudo rnetstat-trace)"
                .to_owned(),
        });
    }
    missing
}
