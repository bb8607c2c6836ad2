//! Walks through the whole cgroup hierarchy: finds every cgroup's id without a privilege.

use std::{
    fs,
    os::unix::fs::{DirEntryExt as _, MetadataExt as _},
    path::Path,
};

/// Calls `found` with the inode number and path of the top directory and of each directory below it. Skips
/// directories that can't be read or that are removed meanwhile.
pub(super) fn directories(top: &Path, mut found: impl FnMut(u64, &Path)) {
    if let Ok(metadata) = fs::metadata(top) {
        found(metadata.ino(), top);
    }
    let mut unread = vec![top.to_owned()];
    while let Some(directory) = unread.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                found(entry.ino(), &path);
                unread.push(path);
            }
        }
    }
}
