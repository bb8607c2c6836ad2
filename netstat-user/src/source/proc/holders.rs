//! Who holds which socket, and which network namespace: the files of all processes.

use std::{
    ffi::OsStr,
    fs,
    num::NonZero,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use procfs::{FromRead as _, process::Status};
use rustc_hash::{FxHashMap, FxHashSet};
use rustix::fs::{CWD, Dir, Mode, OFlags};

use super::super::{namespaces, poll::Handle};
use crate::model::{Comm, Owner, OwnerHow};

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
    for (pid, directory) in processes(root) {
        let mut process = None;
        let files = directory.join("fd");
        // What can't be read has gone, or is not for us.
        let _unreadable = each_file(&files, |name, link| {
            if let Some(inode) = socket(link) {
                if inodes.contains(&inode)
                    && !held.owners.contains_key(&inode)
                    && let Some(owner) = *process.get_or_insert_with(|| describe(pid, &directory))
                {
                    held.owners.insert(inode, owner);
                }
            } else if let Some(number) = namespaces::inode(link) {
                held.namespaces.entry(number).or_insert_with(|| files.join(name));
            }
        });
    }
    held
}

/// The processes in the order in which they are asked.
fn processes(root: &Path) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut processes: Vec<(u32, PathBuf)> =
        entries.filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()))).collect();
    processes.sort_by_key(|(pid, _)| (*pid == ACTIVATOR, *pid));
    processes
}

/// Tells the name of each of a process's files, and what it is.
fn each_file(files: &Path, mut found: impl FnMut(&OsStr, &[u8])) -> rustix::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::openat(CWD, files, flags, Mode::empty())?;
    let mut target = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let Ok(link) = rustix::fs::readlinkat(&directory, entry.file_name(), target) else {
            target = Vec::new();
            continue;
        };
        found(OsStr::from_bytes(entry.file_name().to_bytes()), link.as_bytes());
        target = link.into_bytes();
    }
    Ok(())
}

/// What a link like `socket:[12345]` means.
fn socket(link: &[u8]) -> Option<Handle> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    NonZero::new(str::from_utf8(digits).ok()?.parse().ok()?)
}

/// None if the process is gone.
fn describe(pid: u32, directory: &Path) -> Option<Owner> {
    let name = fs::read(directory.join("comm")).ok()?;
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    let mut comm = [0; 16];
    let length = name.len().min(comm.len() - 1);
    comm[..length].copy_from_slice(&name[..length]);
    let uid = Some(Status::from_file(directory.join("status")).ok()?.ruid);
    Some(Owner { pid, comm: Comm::new(comm), uid, how: OwnerHow::Scan })
}
