//! The network namespaces, one after the other: `--all-netns`.

use std::{collections::HashSet, os::unix::fs::MetadataExt as _, path::Path};

use anyhow::{Context as _, Result};

use crate::readers::namespaces;

/// The inode number of the calling thread's namespace.
pub fn own() -> Result<u32> {
    let path = "/proc/thread-self/ns/net";
    let number =
        std::fs::metadata(path).with_context(|| format!("can't read {path}: is /proc mounted?"))?.ino();
    u32::try_from(number).context("the network namespace has no number")
}

/// Calls `look` in every network namespace that a process is in or holds by a file, or that is mounted, the own
/// first, each time on a thread of its own; gives the results, and how many namespaces could not be entered.
///
/// # Errors
/// Those of the own namespace's look.
pub fn everywhere<T: Send>(look: impl Fn() -> Result<T> + Sync) -> Result<(Vec<T>, usize)> {
    let mut found = vec![look()?];
    let mut seen = HashSet::from([own()?]);
    let mut closed = HashSet::new();
    let proc = Path::new("/proc");
    let listed = namespaces::of_processes(proc)?.chain(namespaces::mounted()?);
    for (number, path) in listed.chain(namespaces::held_by_files(proc)?) {
        if seen.contains(&number) {
            continue;
        }
        // It may be gone by now, or not be ours to enter.
        let entered = namespaces::open(number, &path)
            .map_err(Into::into)
            .and_then(|namespace| namespaces::within(&namespace, &look));
        match entered {
            Ok(result) => {
                seen.insert(number);
                closed.remove(&number);
                found.push(result);
            }
            Err(_) => {
                closed.insert(number);
            }
        }
    }
    Ok((found, closed.len()))
}
