//! The network namespaces that exist, and the paths to their tables of sockets.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustc_hash::FxHashMap;

use super::namespace::Namespace;
use crate::readers::namespaces;

/// This host's own proc file system.
const OWN_PROC: &str = "/proc";

/// The network namespaces of processes, those that an open file holds (`held`), and, with this host's own /proc, those
/// that are mounted.
///
/// # Errors
/// The processes or the mounts can't be listed.
pub(super) fn find(root: &Path, held: &FxHashMap<u32, PathBuf>) -> io::Result<Vec<Namespace>> {
    let mut by_number: FxHashMap<u32, Namespace> = FxHashMap::default();
    for (number, link) in namespaces::of_processes(root)? {
        entry_of(number, &mut by_number).directories.extend(net_directory(&link));
    }
    if root == Path::new(OWN_PROC) {
        for (number, path) in namespaces::mounted()? {
            entry_of(number, &mut by_number).paths.push(path);
        }
    }
    for (number, path) in held {
        entry_of(*number, &mut by_number).paths.push(path.clone());
    }
    Ok(by_number.into_values().collect())
}

fn entry_of(number: u32, found: &mut FxHashMap<u32, Namespace>) -> &mut Namespace {
    found.entry(number).or_insert_with(|| Namespace::new(number))
}

/// From `PID/ns/net` to `PID/net`.
fn net_directory(link: &Path) -> Option<PathBuf> {
    Some(link.parent()?.parent()?.join("net"))
}
