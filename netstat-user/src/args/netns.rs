//! `--netns`: a network namespace by inode number, or by the name that `ip netns` gave it.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::Path,
};

use netstat_events::text;
use rustix::fs::statfs;

use crate::readers::namespaces::NSFS_MAGIC;

/// The directory of the names of `ip netns` (ip-netns(8)), and its path on systems whose /var/run is no link to /run.
const DIRECTORIES: [&str; 2] = ["/run/netns", "/var/run/netns"];

/// Parses an inode number, or looks up a name.
pub(crate) fn parse(text: &str) -> Result<u32, String> {
    if let Ok(inode) = text.parse() {
        return Ok(inode);
    }
    let is_name = !text.is_empty() && !text.contains('/');
    let name = text::to_bytes(text);
    let file = |directory| Path::new(directory).join(OsStr::from_bytes(&name));
    let named = || DIRECTORIES.into_iter().find_map(|directory| inode(&file(directory)));
    is_name.then(named).flatten().ok_or_else(|| {
        format!(
            "there is no network namespace {text:?} here: say a name from ip netns, or an inode number as \
             lsns shows it, like 4026531840"
        )
    })
}

/// The inode number of a namespace. None if the file is no namespace, as one that `ip netns` left without a mount.
fn inode(file: &Path) -> Option<u32> {
    if statfs(file).ok()?.f_type != NSFS_MAGIC {
        return None;
    }
    u32::try_from(fs::metadata(file).ok()?.ino()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_inode_number() {
        assert_eq!(parse("4026531840"), Ok(4_026_531_840));
    }

    #[test]
    fn a_namespace_s_file_has_the_number_that_its_link_shows() {
        let link = fs::read_link("/proc/self/ns/net").unwrap();
        let inode = inode(Path::new("/proc/self/ns/net")).unwrap();
        assert_eq!(link.to_str(), Some(format!("net:[{inode}]").as_str()));
        assert_eq!(super::inode(Path::new("/proc/self/status")), None);
    }

    #[test]
    fn an_unknown_namespace_is_named_in_the_error() {
        for text in ["no-such-namespace", "", "..", "-1", "4294967296", "../../proc/self/ns/net"] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(&format!("network namespace {text:?}")), "{error}");
            assert!(!error.contains('\n'));
        }
    }
}
