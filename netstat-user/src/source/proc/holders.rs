//! Who holds which socket, and which network namespace: the files of all processes.

use std::path::{Path, PathBuf};

use procfs::{FromRead as _, process::Status};
use rustc_hash::{FxHashMap, FxHashSet};

use super::super::poll::Handle;
use crate::{
    model::{Owner, OwnerHow},
    readers::{namespaces, processes},
};

/// Process 1 holds the sockets by which it activates others.
const ACTIVATOR: u32 = 1;

/// What a walk through all processes' files has found.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The holders of the sockets that were asked for. Of several it is the lowest process id, the parent of those
    /// that inherited the socket; process 1 only if there is no other.
    pub(super) owners: FxHashMap<Handle, Owner>,
    /// The network namespaces that a file holds, each once.
    pub(super) namespaces: FxHashMap<u32, PathBuf>,
}

/// Walks as far as the files may be read.
pub(super) fn walk(root: &Path, inodes: &FxHashSet<Handle>) -> Held {
    let mut held = Held::default();
    for (pid, directory) in in_order(root) {
        let mut process = None;
        // What can't be read has gone, or is not for us.
        let _unreadable = processes::each_file(&directory, |name, link| {
            if let Some(inode) = processes::socket(link) {
                if inodes.contains(&inode)
                    && !held.owners.contains_key(&inode)
                    && let Some(owner) = *process.get_or_insert_with(|| describe(pid, &directory))
                {
                    held.owners.insert(inode, owner);
                }
            } else if let Some(number) = namespaces::inode(link) {
                held.namespaces.entry(number).or_insert_with(|| directory.join("fd").join(name));
            }
        });
    }
    held
}

/// The processes in the order in which they are asked.
fn in_order(root: &Path) -> Vec<(u32, PathBuf)> {
    let mut processes: Vec<(u32, PathBuf)> = processes::below(root).into_iter().flatten().collect();
    processes.sort_by_key(|(pid, _)| (*pid == ACTIVATOR, *pid));
    processes
}

/// None if the process is gone.
fn describe(pid: u32, directory: &Path) -> Option<Owner> {
    let comm = processes::comm(directory).ok()?;
    let uid = Some(Status::from_file(directory.join("status")).ok()?.ruid);
    Some(Owner { pid, comm, uid, how: OwnerHow::Scan })
}
