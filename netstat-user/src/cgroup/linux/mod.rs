//! Resolves cgroup ids. An id is the inode number of the cgroup's directory in the cgroup2 hierarchy (`cgroup_id`,
//! include/linux/cgroup.h, 5.8); the kernel never reuses it.

mod handle;
mod walk;

use std::{
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustc_hash::FxHashMap;
use rustix::thread::CapabilitySet;

use self::handle::CgroupOpener;
use crate::{
    model::Moment,
    readers::mounts::{self, Mount},
};

/// The shortest time between two walks through the whole hierarchy, nanoseconds.
const WALK_INTERVAL_NS: u64 = 1_000_000_000;
/// How many cgroups are cached: enough for a host full of containers, and a bound on a host that creates cgroups
/// without end.
const MAX_CACHED: usize = 16_384;

/// The capability to open a cgroup by its id ([`CgroupOpener`]).
pub const PRIVILEGES: CapabilitySet = CapabilitySet::DAC_READ_SEARCH;

/// Mount point of the cgroup2 hierarchy; None if it isn't mounted.
pub fn mount_point() -> Option<PathBuf> {
    let mountinfo = fs::read("/proc/thread-self/mountinfo").ok()?;
    let all: Vec<Mount<'_>> =
        mounts::parse(&mountinfo).filter(|mount| mount.file_system == b"cgroup2").collect();
    // A cgroup below the top may be mounted too.
    let whole = all.iter().find(|mount| mount.root == b"/");
    whole.or(all.first()).map(|mount| mount.mount_point.clone())
}

/// Finds the paths of cgroups, and caches them.
pub struct Paths {
    /// Mount point of the hierarchy; None if there is none, and then no path is known.
    mount: Option<PathBuf>,
    /// None where the kernel doesn't let this process open a cgroup by its id.
    opener: Option<CgroupOpener>,
    /// Paths by id; None for a cgroup that was removed before its path was looked up.
    cache: FxHashMap<u64, Option<Vec<u8>>>,
    /// CLOCK_MONOTONIC at the last walk, nanoseconds.
    last_walk_ns: Option<u64>,
}

impl Paths {
    /// Creates the lookup for the hierarchy that is mounted here.
    pub fn new() -> Self {
        let mount = mount_point();
        let opener = mount.as_deref().and_then(CgroupOpener::new);
        Self { mount, opener, cache: FxHashMap::default(), last_walk_ns: None }
    }

    /// The cgroup's path within the hierarchy, with a leading slash; None if the cgroup was removed or lies outside of
    /// this process's cgroup namespace.
    pub fn path(&mut self, id: u64, now: Moment) -> Option<&[u8]> {
        if !self.cache.contains_key(&id) {
            self.look_up(id, now);
        }
        self.cache.get(&id)?.as_deref()
    }

    fn look_up(&mut self, id: u64, now: Moment) {
        let Self { mount: Some(mount), opener, cache, last_walk_ns } = self else { return };
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        match opener.as_ref().map(|opener| opener.directory(id)) {
            Some(Ok(directory)) => {
                cache.insert(id, directory.and_then(|directory| within(mount, &directory)));
                return;
            }
            Some(Err(_)) => *opener = None,
            None => {}
        }
        if last_walk_ns.is_some_and(|last_ns| now.mono_ns.saturating_sub(last_ns) < WALK_INTERVAL_NS) {
            return;
        }
        *last_walk_ns = Some(now.mono_ns);
        walk::directories(mount, |id, directory| {
            cache.insert(id, within(mount, directory));
        });
        cache.entry(id).or_default();
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self::new()
    }
}

/// Turns a directory below the mount point into a path within the hierarchy.
fn within(mount: &Path, directory: &Path) -> Option<Vec<u8>> {
    let below = directory.strip_prefix(mount).ok()?;
    Some([b"/", below.as_os_str().as_bytes()].concat())
}

#[cfg(test)]
mod tests;
