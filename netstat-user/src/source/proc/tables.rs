//! Which network namespaces there are, and how to get at their tables of sockets.

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;

use super::{super::namespaces, namespace::Namespace};

/// Where the kernel's own processes are, and nowhere else.
const HERE: &str = "/proc";

/// The network namespaces in which a process is, and, with this host's own /proc, those that are mounted.
pub(super) fn find(root: &Path) -> Vec<Namespace> {
    let mut by_number: FxHashMap<u32, Namespace> = FxHashMap::default();
    for (number, link) in namespaces::of_processes(root) {
        let namespace = by_number.entry(number).or_insert_with(|| Namespace::new(number));
        namespace.directories.extend(net_directory(&link));
    }
    if root == Path::new(HERE) {
        for (number, path) in namespaces::mounted() {
            by_number.entry(number).or_insert_with(|| Namespace::new(number)).mount.get_or_insert(path);
        }
    }
    by_number.into_values().collect()
}

/// From `PID/ns/net` to `PID/net`.
fn net_directory(link: &Path) -> Option<PathBuf> {
    Some(link.parent()?.parent()?.join("net"))
}
