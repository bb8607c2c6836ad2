//! Scans the files of all processes: who holds which socket, and which network namespaces are held.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use procfs::{FromRead as _, process::Status};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    model::{Owner, OwnerHow, SocketHandle},
    readers::{errors, namespaces, processes},
};

/// Process 1 holds the sockets of socket-activated services.
const INIT: u32 = 1;

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The owners of the wanted sockets. The holder with the lowest process id owns a socket: the parent of those
    /// that inherited it. Process 1 owns a socket only if it is the only holder.
    pub(super) owners: FxHashMap<SocketHandle, Owner>,
    /// The network namespaces that an open file holds, each once.
    pub(super) namespaces: FxHashMap<u32, PathBuf>,
}

/// Scans the files that may be read.
///
/// # Errors
/// The processes can't be listed, or their files can't be read for want of a resource.
pub(super) fn scan(root: &Path, inodes: &FxHashSet<SocketHandle>) -> Result<Scan> {
    let mut scan = Scan::default();
    for (pid, directory) in in_order(root).with_context(|| format!("can't list {}", root.display()))? {
        let mut process = None;
        let read = processes::each_file(&directory, |name, link| {
            if let Some(inode) = processes::socket(link) {
                if inodes.contains(&inode)
                    && !scan.owners.contains_key(&inode)
                    && let Some(owner) = *process.get_or_insert_with(|| describe(pid, &directory))
                {
                    scan.owners.insert(inode, owner);
                }
            } else if let Some(number) = namespaces::inode(link) {
                scan.namespaces.entry(number).or_insert_with(|| directory.join("fd").join(name));
            }
        });
        // Any other directory that can't be read is gone, or belongs to another user.
        read.or_else(|error| if errors::is_exhaustion(&error) { Err(error) } else { Ok(()) })
            .with_context(|| format!("can't read the files in {}", directory.display()))?;
    }
    Ok(scan)
}

/// The processes by pid, with process 1 last: of the processes that hold a socket, the first one is its owner.
fn in_order(root: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut processes: Vec<(u32, PathBuf)> = processes::below(root)?.collect();
    processes.sort_by_key(|(pid, _)| (*pid == INIT, *pid));
    Ok(processes)
}

/// None if the process is gone.
fn describe(pid: u32, directory: &Path) -> Option<Owner> {
    let comm = processes::comm(directory).ok()?;
    let uid = Some(Status::from_file(directory.join("status")).ok()?.ruid);
    Some(Owner { pid, comm, uid, how: OwnerHow::Scan })
}
