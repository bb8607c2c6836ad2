//! From a cgroup's id to its path. The id is the inode number of the cgroup's directory in the cgroup2
//! hierarchy (`cgroup_id`, include/linux/cgroup.h), and no two cgroups ever have the same.

mod handle;
mod walk;

use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use rustix::thread::CapabilitySet;

use self::handle::Handles;
use crate::model::Moment;

/// How long a walk through the whole hierarchy is good for, nanoseconds.
const WALK_INTERVAL_NS: u64 = 1_000_000_000;
/// How many cgroups are remembered: enough for a host full of containers, little for one that makes
/// cgroups without end.
const MOST_KNOWN: usize = 16_384;

/// What the quick way to a cgroup takes.
pub const PRIVILEGES: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;

/// Where the cgroup2 hierarchy is mounted; None if it isn't.
pub fn mount_point() -> Option<PathBuf> {
    let mounts = procfs::mounts().ok()?;
    mounts.into_iter().find(|mount| mount.fs_vfstype == "cgroup2").map(|mount| mount.fs_file.into())
}

/// Finds the paths of cgroups, and remembers them.
pub struct Paths {
    /// None if there is no hierarchy; then no path is known.
    mount: Option<PathBuf>,
    /// None where the kernel doesn't let us open a cgroup by its id.
    handles: Option<Handles>,
    /// None is the path of a cgroup that was gone when somebody asked: it won't come back.
    known: FxHashMap<u64, Option<String>>,
    /// CLOCK_MONOTONIC at the last walk, nanoseconds.
    walked_ns: Option<u64>,
}

impl Paths {
    /// Of the hierarchy that is mounted here.
    pub fn new() -> Self {
        let mount = mount_point();
        let handles = mount.as_deref().and_then(Handles::new);
        Self { mount, handles, known: FxHashMap::default(), walked_ns: None }
    }

    /// The path within the hierarchy, with a leading slash; None if the cgroup is gone or can't be seen
    /// from here.
    pub fn path(&mut self, id: u64, now: Moment) -> Option<&str> {
        if !self.known.contains_key(&id) {
            self.look_up(id, now);
        }
        self.known.get(&id)?.as_deref()
    }

    fn look_up(&mut self, id: u64, now: Moment) {
        let Self { mount: Some(mount), handles, known, walked_ns } = self else { return };
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        match handles.as_ref().map(|handles| handles.directory(id)) {
            Some(Ok(directory)) => {
                known.insert(id, directory.and_then(|directory| within(mount, &directory)));
                return;
            }
            Some(Err(_)) => *handles = None,
            None => {}
        }
        if walked_ns.is_some_and(|walked| now.mono_ns.saturating_sub(walked) < WALK_INTERVAL_NS) {
            return;
        }
        *walked_ns = Some(now.mono_ns);
        walk::directories(mount, |id, directory| {
            known.insert(id, within(mount, directory));
        });
        known.entry(id).or_default();
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self::new()
    }
}

/// The directory as a path within the hierarchy.
fn within(mount: &Path, directory: &Path) -> Option<String> {
    let below = directory.strip_prefix(mount).ok()?;
    Some(format!("/{}", below.to_string_lossy()))
}

#[cfg(test)]
mod tests;
