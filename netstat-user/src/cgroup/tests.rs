//! Paths of directories that stand for cgroups, and of real cgroups where there are any.

use std::{fs, os::unix::fs::MetadataExt as _};

use super::*;

/// A hierarchy of the test's own; walks need no more than directories.
struct Hierarchy(PathBuf);

impl Hierarchy {
    fn new(name: &str) -> Self {
        let top = std::env::temp_dir().join(format!("rnetstat-cgroup-{name}-{}", std::process::id()));
        fs::create_dir(&top).unwrap();
        Self(top)
    }

    /// Makes a cgroup, and says its id.
    fn make(&self, path: &str) -> u64 {
        let directory = self.0.join(path);
        fs::create_dir_all(&directory).unwrap();
        fs::metadata(directory).unwrap().ino()
    }

    fn paths(&self) -> Paths {
        Paths { mount: Some(self.0.clone()), handles: None, known: FxHashMap::default(), walked_ns: None }
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
fn every_cgroup_has_its_path_from_the_top() {
    let hierarchy = Hierarchy::new("paths");
    let [top, slice, service] = ["", "system.slice", "system.slice/nginx.service"].map(|p| hierarchy.make(p));
    fs::write(hierarchy.0.join("cgroup.procs"), "").unwrap();
    let mut paths = hierarchy.paths();
    assert_eq!(paths.path(service, after(0)), Some("/system.slice/nginx.service"));
    assert_eq!(paths.path(slice, after(0)), Some("/system.slice"));
    assert_eq!(paths.path(top, after(0)), Some("/"));
}

#[test]
fn a_cgroup_made_later_is_found_by_another_walk_but_not_at_once() {
    let hierarchy = Hierarchy::new("later");
    let first = hierarchy.make("first");
    let mut paths = hierarchy.paths();
    assert_eq!(paths.path(first, after(0)), Some("/first"));
    let second = hierarchy.make("second");
    assert_eq!(paths.path(second, after(0)), None);
    assert_eq!(paths.path(second, after(1)), Some("/second"));
}

#[test]
fn a_cgroup_that_is_gone_keeps_the_path_that_it_had() {
    let hierarchy = Hierarchy::new("gone");
    let gone = hierarchy.make("gone");
    let mut paths = hierarchy.paths();
    assert_eq!(paths.path(gone, after(0)), Some("/gone"));
    let new = hierarchy.make("new");
    fs::remove_dir(hierarchy.0.join("gone")).unwrap();
    assert_eq!(paths.path(new, after(1)), Some("/new"));
    assert_eq!(paths.path(gone, after(1)), Some("/gone"));
}

#[test]
fn an_id_that_is_nobody_s_is_looked_for_only_once() {
    let hierarchy = Hierarchy::new("nobody");
    let mut paths = hierarchy.paths();
    assert_eq!(paths.path(0, after(0)), None);
    assert_eq!(paths.walked_ns, Some(0));
    assert_eq!(paths.path(0, after(5)), None);
    assert_eq!(paths.walked_ns, Some(0));
}

#[test]
fn without_a_hierarchy_there_are_no_paths() {
    let mut paths = Paths { mount: None, handles: None, known: FxHashMap::default(), walked_ns: None };
    assert_eq!(paths.path(1, after(0)), None);
}

#[test]
fn the_hierarchy_s_top_is_found_by_its_id_whichever_way_is_open() {
    let Some(mount) = mount_point() else { return };
    let top = fs::metadata(&mount).unwrap().ino();
    assert_eq!(Paths::new().path(top, after(0)), Some("/"));
    assert_eq!(Paths { handles: None, ..Paths::new() }.path(top, after(0)), Some("/"));
}

#[test]
fn a_real_cgroup_is_found_as_soon_as_it_is_made_where_it_can_be_opened_by_its_id() {
    let Some(mount) = mount_point() else { return };
    let name = format!("rnetstat-cgroup-test-{}", std::process::id());
    let mut paths = Paths::new();
    assert_eq!(paths.path(0, after(0)), None);
    // Without the right to make cgroups there is nothing to find.
    if fs::create_dir(mount.join(&name)).is_err() {
        return;
    }
    let id = fs::metadata(mount.join(&name)).unwrap().ino();
    let found = paths.path(id, after(0)).map(str::to_owned);
    fs::remove_dir(mount.join(&name)).unwrap();
    if paths.handles.is_some() {
        assert_eq!(found, Some(format!("/{name}")));
    }
}
