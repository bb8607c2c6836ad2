//! Paths of plain directories in place of cgroups, and of real cgroups where the host has a cgroup2 hierarchy.

use std::{fs, os::unix::fs::MetadataExt as _};

use netstat_tests::skip;

use super::*;

/// A temporary directory in place of a cgroup hierarchy: a walk needs nothing but directories.
struct Hierarchy(PathBuf);

impl Hierarchy {
    fn new(name: &str) -> Self {
        let top = std::env::temp_dir().join(format!("rnetstat-cgroup-{name}-{}", std::process::id()));
        fs::create_dir(&top).unwrap();
        Self(top)
    }

    /// Creates a directory and returns its inode number, the id of a cgroup.
    fn make(&self, path: &str) -> u64 {
        let directory = self.0.join(path);
        fs::create_dir_all(&directory).unwrap();
        fs::metadata(directory).unwrap().ino()
    }

    fn paths(&self) -> Paths {
        Paths { mount: Some(self.0.clone()), opener: None, cache: FxHashMap::default(), last_walk_ns: None }
    }
}

impl Drop for Hierarchy {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn after(seconds: u64) -> Moment {
    Moment { mono_ns: seconds * WALK_INTERVAL_NS, unix_ns: 0 }
}

#[test]
fn a_cgroup_s_path_is_relative_to_the_mount_point() {
    let hierarchy = Hierarchy::new("paths");
    let [top, slice, service] = ["", "system.slice", "system.slice/nginx.service"].map(|p| hierarchy.make(p));
    fs::write(hierarchy.0.join("cgroup.procs"), "").unwrap();
    let mut paths = hierarchy.paths();
    assert_eq!(paths.path(service, after(0)), Some(&b"/system.slice/nginx.service"[..]));
    assert_eq!(paths.path(slice, after(0)), Some(&b"/system.slice"[..]));
    assert_eq!(paths.path(top, after(0)), Some(&b"/"[..]));
}

#[test]
fn a_cgroup_s_path_is_its_bytes() {
    let hierarchy = Hierarchy::new("bytes");
    let directory = hierarchy.0.join(std::ffi::OsStr::from_bytes(b"m\xffnt \\x2d"));
    fs::create_dir(&directory).unwrap();
    let id = fs::metadata(directory).unwrap().ino();
    assert_eq!(hierarchy.paths().path(id, after(0)), Some(&b"/m\xffnt \\x2d"[..]));
}

#[test]
fn a_new_cgroup_is_found_once_another_walk_is_allowed() {
    let hierarchy = Hierarchy::new("later");
    let first = hierarchy.make("first");
    let mut paths = hierarchy.paths();
    assert_eq!(paths.path(first, after(0)), Some(&b"/first"[..]));
    let second = hierarchy.make("second");
    assert_eq!(paths.path(second, after(0)), None);
    assert_eq!(paths.path(second, after(1)), Some(&b"/second"[..]));
}

#[test]
fn a_removed_cgroup_keeps_its_cached_path() {
    let hierarchy = Hierarchy::new("gone");
    let gone = hierarchy.make("gone");
    let mut paths = hierarchy.paths();
    assert_eq!(paths.path(gone, after(0)), Some(&b"/gone"[..]));
    let new = hierarchy.make("new");
    fs::remove_dir(hierarchy.0.join("gone")).unwrap();
    assert_eq!(paths.path(new, after(1)), Some(&b"/new"[..]));
    assert_eq!(paths.path(gone, after(1)), Some(&b"/gone"[..]));
}

#[test]
fn an_unknown_id_causes_only_one_walk() {
    let hierarchy = Hierarchy::new("nobody");
    let mut paths = hierarchy.paths();
    assert_eq!(paths.path(0, after(0)), None);
    assert_eq!(paths.last_walk_ns, Some(0));
    assert_eq!(paths.path(0, after(5)), None);
    assert_eq!(paths.last_walk_ns, Some(0));
}

#[test]
fn without_a_hierarchy_no_cgroup_has_a_path() {
    let mut paths = Paths { mount: None, opener: None, cache: FxHashMap::default(), last_walk_ns: None };
    assert_eq!(paths.path(1, after(0)), None);
}

#[test]
fn the_root_cgroup_is_found_by_handle_and_by_walk() {
    let mount = mount_point();
    if skip::without("a mounted cgroup v2 hierarchy", mount.is_some()) {
        return;
    }
    let mount = mount.unwrap();
    let top = fs::metadata(&mount).unwrap().ino();
    assert_eq!(Paths::new().path(top, after(0)), Some(&b"/"[..]));
    assert_eq!(Paths { opener: None, ..Paths::new() }.path(top, after(0)), Some(&b"/"[..]));
}

#[test]
fn a_new_cgroup_is_found_at_once_where_cgroups_can_be_opened_by_id() {
    let mount = mount_point();
    if skip::without("a mounted cgroup v2 hierarchy", mount.is_some()) {
        return;
    }
    let mount = mount.unwrap();
    let name = format!("rnetstat-cgroup-test-{}", std::process::id());
    let mut paths = Paths::new();
    assert_eq!(paths.path(0, after(0)), None);
    let created = fs::create_dir(mount.join(&name));
    if skip::without("the right to create a cgroup", created.is_ok()) {
        return;
    }
    let id = fs::metadata(mount.join(&name)).unwrap().ino();
    let found = paths.path(id, after(0)).map(<[u8]>::to_vec);
    fs::remove_dir(mount.join(&name)).unwrap();
    if paths.opener.is_some() {
        assert_eq!(found, Some(format!("/{name}").into_bytes()));
    }
}
