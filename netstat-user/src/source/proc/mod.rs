//! The source that needs no privilege: looks at /proc, now and then.

mod holders;
mod namespace;
mod tables;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::thread::CapabilitySet;

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

/// Looks at the sockets that a /proc shows.
pub struct ProcLooker {
    root: PathBuf,
    netns: Values<u32>,
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

/// Begins with a first look.
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
    Ok(PollSource::start(ProcLooker { root, netns }, interval, started))
}

/// Whether there is a network namespace whose sockets can be read below the root.
pub fn is_readable(root: &Path) -> bool {
    tables::find(root).iter().any(|namespace| namespace.read().is_ok())
}

impl Looker for ProcLooker {
    fn look(&mut self) -> Look {
        let mut look = Look::default();
        for namespace in tables::find(&self.root) {
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
        holders::find(&self.root, handles)
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
