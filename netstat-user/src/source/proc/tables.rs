//! The network namespaces that exist, and the paths to their tables of sockets.

use std::{io, path::Path};

use rustc_hash::FxHashMap;

use super::namespace::Namespace;
use crate::readers::namespaces::{self, NamespacePath, SocketFile};

/// This host's own proc file system.
const OWN_PROC: &str = "/proc";

/// What the last scan has found beside the namespaces of processes and those that are mounted.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Those that threads are in, that other mount namespaces have, and that files hold.
    pub(super) paths: Vec<NamespacePath>,
    /// A socket of each namespace that nothing else leads to.
    pub(super) sockets: FxHashMap<u32, SocketFile>,
}

/// The network namespaces of processes, those that a scan has found (`held`), and, with this host's own /proc, those that
/// are mounted.
///
/// # Errors
/// The processes or the mounts can't be listed.
pub(super) fn find(root: &Path, held: &Held) -> io::Result<Vec<Namespace>> {
    let mut by_number: FxHashMap<u32, Namespace> = FxHashMap::default();
    for path in namespaces::of_processes(root)? {
        add(path, &mut by_number);
    }
    if is_own(root) {
        for path in namespaces::mounted()? {
            add(path, &mut by_number);
        }
    }
    for path in &held.paths {
        add(path.clone(), &mut by_number);
    }
    for (number, socket) in &held.sockets {
        entry_of(*number, &mut by_number).socket = Some(socket.clone());
    }
    Ok(by_number.into_values().collect())
}

/// Whether the file system is this host's own: then its paths and process ids are those of this process's system calls.
pub(super) fn is_own(root: &Path) -> bool {
    root == Path::new(OWN_PROC)
}

fn add(path: NamespacePath, found: &mut FxHashMap<u32, Namespace>) {
    let namespace = entry_of(path.number, found);
    match path.inhabitant() {
        Some(inhabitant) => namespace.inhabitants.push(inhabitant.to_owned()),
        None => namespace.paths.push(path),
    }
}

fn entry_of(number: u32, found: &mut FxHashMap<u32, Namespace>) -> &mut Namespace {
    found.entry(number).or_insert_with(|| Namespace::new(number))
}
