//! `--cgroup`: a cgroup's path as people write it.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
};

use super::name;
use crate::cgroup;

/// Reads the path of a cgroup that exists, with the hierarchy's mount point in front or without;
/// gives the one without.
pub(crate) fn parse(argument: &OsStr) -> Result<Vec<u8>, String> {
    let mount = cgroup::mount_point().ok_or_else(|| {
        format!("the path {argument:?} means nothing here: no cgroup2 hierarchy is mounted, mount one on /sys/fs/cgroup")
    })?;
    within(&mount, argument)
}

fn within(mount: &Path, argument: &OsStr) -> Result<Vec<u8>, String> {
    let written = name::bytes(argument.as_bytes());
    let written = Path::new(OsStr::from_bytes(&written));
    let below = written.strip_prefix(mount).unwrap_or(written);
    let names: PathBuf = below.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let goes_up = below.components().any(|part| part == Component::ParentDir);
    if argument.is_empty() || goes_up || !mount.join(&names).is_dir() {
        return Err(format!(
            "there is no cgroup {argument:?} below {}: say its whole path, like /system.slice/nginx.service",
            mount.display()
        ));
    }
    Ok([b"/", names.as_os_str().as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Directories of this package stand for cgroups.
    const MOUNT: &str = env!("CARGO_MANIFEST_DIR");

    #[test]
    fn a_path_is_the_same_with_the_mount_point_and_without() {
        for (text, path) in [
            ("/src/cli", "/src/cli"),
            ("src/cli", "/src/cli"),
            ("/src//cli/", "/src/cli"),
            ("/src/./cli", "/src/cli"),
            (concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli"), "/src/cli"),
            ("/", "/"),
            (MOUNT, "/"),
        ] {
            assert_eq!(within(Path::new(MOUNT), text.as_ref()), Ok(path.as_bytes().to_vec()), "{text}");
        }
    }

    #[test]
    fn what_is_no_cgroup_is_named_in_the_error() {
        for text in ["/srv", "cli", "/src/../src", "/src/lib.rs", ""] {
            let error = within(Path::new(MOUNT), text.as_ref()).unwrap_err();
            assert!(error.starts_with(&format!("there is no cgroup {text:?} below {MOUNT}")), "{error}");
        }
    }
}
