//! Which network namespaces there are, and how to get at their tables of sockets.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::namespace::Namespace;
use crate::readers::namespaces;

/// Where the kernel's own processes are, and nowhere else.
const HERE: &str = "/proc";

/// The network namespaces in which a process is, those that a file `held` holds, and, with this host's own /proc,
/// those that are mounted.
pub(super) fn find(root: &Path, held: &FxHashMap<u32, PathBuf>) -> Vec<Namespace> {
    let mut by_number: FxHashMap<u32, Namespace> = FxHashMap::default();
    for (number, link) in namespaces::of_processes(root).into_iter().flatten() {
        way_to(number, &mut by_number).directories.extend(net_directory(&link));
    }
    if root == Path::new(HERE) {
        for (number, path) in namespaces::mounted().into_iter().flatten() {
            way_to(number, &mut by_number).doors.push(path);
        }
    }
    for (number, path) in held {
        way_to(*number, &mut by_number).doors.push(path.clone());
    }
    by_number.into_values().collect()
}

fn way_to(number: u32, found: &mut FxHashMap<u32, Namespace>) -> &mut Namespace {
    found.entry(number).or_insert_with(|| Namespace::new(number))
}

/// From `PID/ns/net` to `PID/net`.
fn net_directory(link: &Path) -> Option<PathBuf> {
    Some(link.parent()?.parent()?.join("net"))
}
