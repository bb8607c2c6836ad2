//! `--cgroup`: a cgroup's path as people write it.

use std::path::{Component, Path, PathBuf};

use crate::cgroup;

/// Reads the path of a cgroup that exists, with the hierarchy's mount point in front or without;
/// gives the one without.
pub(crate) fn parse(text: &str) -> Result<String, String> {
    let mount = cgroup::mount_point().ok_or_else(|| {
        format!("the path {text:?} means nothing here: no cgroup2 hierarchy is mounted, mount one on /sys/fs/cgroup")
    })?;
    within(&mount, text)
}

fn within(mount: &Path, text: &str) -> Result<String, String> {
    let written = Path::new(text);
    let written = written.strip_prefix(mount).unwrap_or(written);
    let names: PathBuf = written.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    let goes_up = written.components().any(|part| part == Component::ParentDir);
    if text.is_empty() || goes_up || !mount.join(&names).is_dir() {
        return Err(format!(
            "there is no cgroup {text:?} below {}: say its whole path, like /system.slice/nginx.service",
            mount.display()
        ));
    }
    Ok(format!("/{}", names.display()))
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
            assert_eq!(within(Path::new(MOUNT), text), Ok(path.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_cgroup_is_named_in_the_error() {
        for text in ["/srv", "cli", "/src/../src", "/src/lib.rs", ""] {
            let error = within(Path::new(MOUNT), text).unwrap_err();
            assert!(error.starts_with(&format!("there is no cgroup {text:?} below {MOUNT}")), "{error}");
        }
    }
}
