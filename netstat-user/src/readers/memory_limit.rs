//! The memory limit of the cgroups that this process is in. What eBPF takes in the kernel counts against it too.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
};

use super::mounts::{self, Mount};

/// The lowest memory limit of the cgroups that this process is in, bytes; None if none of those that can be seen has one.
pub fn own() -> Option<u64> {
    let memberships = fs::read("/proc/self/cgroup").ok()?;
    let mountinfo = fs::read("/proc/self/mountinfo").ok()?;
    let directories = directories(&memberships, &mountinfo);
    directories.iter().filter_map(|Hierarchy { file, mount, own }| lowest(file, mount, own)).min()
}

/// A mounted hierarchy of cgroups that may limit memory.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    /// The file with a cgroup's limit.
    file: &'static str,
    mount: PathBuf,
    /// The directory of the cgroup that this process is in.
    own: PathBuf,
}

/// The hierarchies that may limit memory, from the texts of /proc/self/cgroup (cgroups(7)) and mountinfo.
fn directories(memberships: &[u8], mountinfo: &[u8]) -> Vec<Hierarchy> {
    let mut found = Vec::new();
    for line in memberships.split(|byte| *byte == b'\n') {
        let mut fields = line.splitn(3, |byte| *byte == b':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let is_unified = controllers.is_empty();
        if !is_unified && !has_memory(controllers) {
            continue;
        }
        let file = if is_unified { "memory.max" } else { "memory.limit_in_bytes" };
        let is_mounted = |mount: &Mount<'_>| match mount.file_system {
            b"cgroup2" => is_unified,
            b"cgroup" => !is_unified && has_memory(mount.super_options),
            _ => false,
        };
        let hierarchy = mounts::parse(mountinfo).filter(is_mounted).find_map(|mount| {
            // A part of the hierarchy may be mounted: the one below the cgroup that is the mount's root.
            let below =
                Path::new(OsStr::from_bytes(path)).strip_prefix(OsStr::from_bytes(&mount.root)).ok()?;
            let is_inside = below.components().all(|part| matches!(part, Component::Normal(_)));
            let own = mount.mount_point.join(below);
            is_inside.then_some(Hierarchy { file, mount: mount.mount_point, own })
        });
        found.extend(hierarchy);
    }
    found
}

/// Whether the memory controller is in a list.
fn has_memory(list: &[u8]) -> bool {
    list.split(|byte| *byte == b',').any(|name| name == b"memory")
}

/// The lowest limit in the cgroup's directory and those above it up to the mount point.
fn lowest(file: &str, mount: &Path, own: &Path) -> Option<u64> {
    let limit = |directory: &Path| limit(&fs::read(directory.join(file)).ok()?);
    own.ancestors().take_while(|directory| directory.starts_with(mount)).filter_map(limit).min()
}

/// The limit, bytes; None for `max`, and for the largest number of pages, which is no limit in the old hierarchy
/// (`PAGE_COUNTER_MAX`, include/linux/page_counter.h).
fn limit(text: &[u8]) -> Option<u64> {
    const LARGEST_PAGE: u64 = 64 << 10;
    let bytes = str::from_utf8(text).ok()?.trim().parse().ok()?;
    (bytes <= i64::MAX.cast_unsigned() - LARGEST_PAGE).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(memberships: &str, mountinfo: &str) -> Vec<(&'static str, PathBuf)> {
        let hierarchies = directories(memberships.as_bytes(), mountinfo.as_bytes());
        hierarchies.into_iter().map(|it| (it.file, it.own)).collect()
    }

    const UNIFIED: &str = "35 22 0:30 / /sys/fs/cgroup rw - cgroup2 none rw\n";

    #[test]
    fn the_own_cgroup_is_found_in_each_kind_of_hierarchy() {
        let own = |path: &str| vec![("memory.max", PathBuf::from(path))];
        assert_eq!(found("0::/a/b\n", UNIFIED), own("/sys/fs/cgroup/a/b"));
        assert_eq!(found("0::/\n", UNIFIED), own("/sys/fs/cgroup"));
        let part = "35 22 0:30 /docker/1 /sys/fs/cgroup rw - cgroup2 none rw\n";
        assert_eq!(found("0::/docker/1/x\n", part), own("/sys/fs/cgroup/x"));
        let in_slice = "35 22 0:30 /a\\134x2db.slice/c\\040d /sys/fs/cgroup rw - cgroup2 none rw\n";
        assert_eq!(found("0::/a\\x2db.slice/c d/x\n", in_slice), own("/sys/fs/cgroup/x"));
        let old = "30 22 0:25 / /cg/cpu rw - cgroup cgroup rw,cpu\n\
            31 22 0:26 / /cg/memory rw - cgroup cgroup rw,memory\n";
        let expected = vec![("memory.limit_in_bytes", PathBuf::from("/cg/memory/m:x"))];
        assert_eq!(found("9:cpu:/c\n4:memory,x:/m:x\n0::/\n", old), expected);
    }

    #[test]
    fn a_cgroup_outside_of_what_is_mounted_is_not_looked_for() {
        let part = "35 22 0:30 /docker/1 /sys/fs/cgroup rw - cgroup2 none rw\n";
        for (memberships, mountinfo) in [
            ("0::/docker/2\n", part),
            ("0::/../x\n", UNIFIED),
            ("0::/a\n", ""),
            ("", UNIFIED),
            ("torn", UNIFIED),
        ] {
            assert_eq!(found(memberships, mountinfo), [], "{memberships:?} {mountinfo:?}");
        }
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let mount = std::env::temp_dir().join(format!("rnetstat-memory-limit-{}", std::process::id()));
        let own = mount.join("a/b");
        fs::create_dir_all(&own).unwrap();
        let write = |directory: &Path, text: &str| fs::write(directory.join("memory.max"), text).unwrap();
        let before = lowest("memory.max", &mount, &own);
        write(&own, "max\n");
        write(&mount.join("a"), "50331648\n");
        write(&mount, "67108864\n");
        let after = lowest("memory.max", &mount, &own);
        fs::remove_dir_all(&mount).unwrap();
        assert_eq!((before, after), (None, Some(48 << 20)));
    }

    #[test]
    fn no_limit_is_none() {
        for (text, expected) in [
            ("max\n", None),
            ("9223372036854771712\n", None),
            ("9223372036854710272\n", None),
            ("", None),
            ("-1", None),
            ("0\n", Some(0)),
            ("50331648\n", Some(48 << 20)),
        ] {
            assert_eq!(limit(text.as_bytes()), expected, "{text:?}");
        }
    }
}
