//! `--all-netns`: every network namespace in turn.

use std::{collections::HashSet, path::Path};

use anyhow::{Context as _, Result};

use crate::readers::namespaces;

/// The inode number of the calling thread's namespace.
pub fn own() -> Result<u32> {
    namespaces::own()
        .and_then(|namespace| namespaces::number(&namespace))
        .context("can't read /proc/thread-self/ns/net: is /proc mounted?")
}

/// Calls `read` in the own network namespace, and in every other that a process is in or holds by a file or that is
/// mounted, each on a thread of its own. Returns the results, and how many namespaces could not be entered.
///
/// # Errors
/// `read` fails in the own namespace, or the namespaces can't be listed.
pub fn in_every_namespace<T: Send>(read: impl Fn() -> Result<T> + Sync) -> Result<(Vec<T>, usize)> {
    let mut results = vec![read()?];
    let mut done = HashSet::from([own()?]);
    let mut not_entered = HashSet::new();
    let proc = Path::new("/proc");
    let listed = namespaces::of_processes(proc)?.chain(namespaces::mounted()?);
    for (number, path) in listed.chain(namespaces::held_by_files(proc)?) {
        if done.contains(&number) {
            continue;
        }
        // The namespace may no longer exist, or this process may lack the privilege to enter it. Another path may work.
        let result = namespaces::open(number, &path)
            .map_err(Into::into)
            .and_then(|namespace| namespaces::within(&namespace, &read));
        match result {
            Ok(result) => {
                done.insert(number);
                not_entered.remove(&number);
                results.push(result);
            }
            Err(_) => {
                not_entered.insert(number);
            }
        }
    }
    Ok((results, not_entered.len()))
}
