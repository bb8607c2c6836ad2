//! Scans the files of all processes: who holds which socket, and which network namespaces exist.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use rustc_hash::FxHashMap;

use super::super::poll::{Owners, Stop};
use crate::{
    model::{Owner, OwnerHow, SocketHandle},
    readers::{
        errors,
        namespaces::{NamespacePath, Search, SocketFile},
        open_files::{self, OpenFiles},
        processes,
    },
};

/// Process 1 holds the sockets of socket-activated services.
const INIT: u32 = 1;

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    root: PathBuf,
    /// The holder of each socket with the lowest process id: the parent of those that inherited the socket. Process 1
    /// only if no other process holds it.
    holders: FxHashMap<SocketHandle, Holder>,
    /// The network namespaces that threads are in, that are mounted, or that an open file holds.
    pub(super) namespaces: Vec<NamespacePath>,
    /// How many processes could not be inspected.
    pub(super) denied: usize,
}

/// A process that holds a socket.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) file: SocketFile,
    /// The thread, where it has a file table of its own.
    thread: Option<u32>,
}

/// A process that was found to own a socket.
#[derive(Debug)]
struct Described {
    owner: Arc<Owner>,
    /// Clock ticks between the boot of the host and its start.
    started: u64,
}

impl Scan {
    /// Scans the files that may be read.
    ///
    /// # Errors
    /// The processes can't be listed, their files can't be read for want of a resource, or `stop` is due.
    pub(super) fn of(root: &Path, stop: &Stop) -> Result<Self> {
        let mut holders: FxHashMap<SocketHandle, Holder> = FxHashMap::default();
        let mut search = Search::default();
        let files = OpenFiles::below(root);
        for (pid, directory) in in_order(root).with_context(|| format!("can't list {}", root.display()))? {
            stop.check()?;
            search.process(&directory);
            let read = files.each(&directory, |file| match open_files::socket(file.link) {
                Some(inode) => {
                    let number = |name: &std::ffi::OsStr| name.to_str()?.parse().ok();
                    if let Some(fd) = number(file.name) {
                        let thread = file.thread.file_name().and_then(number).filter(|id| *id != pid);
                        holders.entry(inode).or_insert(Holder { file: SocketFile { pid, fd }, thread });
                    }
                }
                None => search.file(file),
            });
            // Any other directory that can't be read is gone, or belongs to another user.
            read.or_else(|error| if errors::is_exhaustion(&error) { Err(error) } else { Ok(()) })
                .with_context(|| format!("can't read the files in {}", directory.display()))?;
        }
        Ok(Self { root: root.to_owned(), holders, namespaces: search.found, denied: search.denied })
    }

    /// Sets the owner of each of these sockets, if the process still exists. Returns when the owners were started, by their ids:
    /// clock ticks since the boot of the host.
    pub(super) fn fill_in(&self, owners: &mut Owners) -> FxHashMap<u32, u64> {
        let mut processes: FxHashMap<u32, Option<Described>> = FxHashMap::default();
        for (handle, owner) in owners {
            *owner = self.holders.get(handle).and_then(|Holder { file, .. }| {
                let describe = || describe(file.pid, &self.root.join(file.pid.to_string()));
                Some(processes.entry(file.pid).or_insert_with(describe).as_ref()?.owner.clone())
            });
        }
        processes.into_iter().filter_map(|(pid, described)| Some((pid, described?.started))).collect()
    }

    /// The sockets that no table has listed: `is_listed` decides.
    pub(super) fn sockets(
        &self,
        is_listed: impl Fn(SocketHandle) -> bool,
    ) -> impl Iterator<Item = (SocketHandle, &SocketFile, PathBuf)> {
        self.holders.iter().filter(move |(handle, _)| !is_listed(**handle)).map(|(handle, holder)| {
            let Holder { file, thread } = holder;
            let mut path = self.root.join(file.pid.to_string());
            if let Some(thread) = thread {
                path.extend(["task", &thread.to_string()]);
            }
            path.extend(["fd", &file.fd.to_string()]);
            (*handle, file, path)
        })
    }
}

/// The processes by pid, with process 1 last: of the processes that hold a socket, the first one is its owner.
fn in_order(root: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut processes: Vec<(u32, PathBuf)> = processes::below(root)?.collect();
    processes.sort_by_key(|(pid, _)| (*pid == INIT, *pid));
    Ok(processes)
}

/// None if the process is gone.
fn describe(pid: u32, directory: &Path) -> Option<Described> {
    let processes::Identity { comm, started, has_exited: _ } = processes::identity(directory).ok()?;
    let uid = Some(processes::user(directory).ok()?);
    let owner = Owner { pid, comm, uid, started_ns: None, how: OwnerHow::Scan };
    Some(Described { owner: Arc::new(owner), started })
}
