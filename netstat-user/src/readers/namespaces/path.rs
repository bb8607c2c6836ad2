//! Paths that lead to network namespaces.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags, fstatfs, openat, openat2},
    io::Errno,
};

use super::NSFS_MAGIC;

/// A network namespace, and a path that leads to it. The path may lead elsewhere by the time it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespacePath {
    /// Its inode number.
    pub number: u32,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// A link in /proc, or a path in the own mount namespace.
    Path(PathBuf),
    /// A mount point below the root directory of another process.
    Mount { root: PathBuf, mount_point: PathBuf },
}

impl NamespacePath {
    /// A link in /proc, or a path in the own mount namespace.
    pub fn new(number: u32, path: PathBuf) -> Self {
        Self { number, place: Place::Path(path) }
    }

    /// A mount point as it is seen from another process; `root` is the link to that process's root directory.
    pub(super) fn mounted_below(root: PathBuf, number: u32, mount_point: PathBuf) -> Self {
        Self { number, place: Place::Mount { root, mount_point } }
    }

    /// The namespace that a link like `net:[4026531840]` in /proc leads to; None if it can't be read, or is another link.
    pub(super) fn of_link(path: PathBuf) -> io::Result<Option<Self>> {
        let target = fs::read_link(&path)?;
        Ok(inode(target.as_os_str().as_encoded_bytes()).map(|number| Self::new(number, path)))
    }

    /// The namespace that a process or thread is in, by its directory in /proc; None if that is no link to a namespace.
    ///
    /// # Errors
    /// The process has ended, or this process may not inspect it.
    pub fn of_inhabitant(directory: &Path) -> io::Result<Option<Self>> {
        Self::of_link(directory.join("ns/net"))
    }

    /// The directory of the process or thread in /proc whose `ns/net` this is; None for another path.
    pub fn inhabitant(&self) -> Option<&Path> {
        match &self.place {
            Place::Path(path) if path.ends_with("ns/net") => path.parent()?.parent(),
            Place::Path(_) | Place::Mount { .. } => None,
        }
    }

    /// Opens the namespace of this number, and no other file: the path may lead to a device or a pipe by now, which may
    /// block or have a side effect when it is opened.
    ///
    /// # Errors
    /// `NotFound` if the path leads elsewhere by now; else what the kernel says.
    pub fn open(&self) -> io::Result<File> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let file = match &self.place {
            Place::Path(path) => openat(CWD, path, flags, Mode::empty())?,
            Place::Mount { root, mount_point } => {
                let root = openat(CWD, root, flags | OFlags::DIRECTORY, Mode::empty())?;
                let below = mount_point.strip_prefix("/").unwrap_or(mount_point);
                // The kernel has what leads to a mount point in its cache. With that alone, no file system of another user
                // (FUSE) can make this wait.
                let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::CACHED;
                match openat2(&root, below, flags, Mode::empty(), resolve) {
                    // Before 5.12.
                    Err(Errno::INVAL) => {
                        openat2(&root, below, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)?
                    }
                    opened => opened?,
                }
            }
        };
        let is_namespace = fstatfs(&file)?.f_type == NSFS_MAGIC;
        let opened = File::from(file);
        if !is_namespace || u64::from(self.number) != opened.metadata()?.ino() {
            return Err(io::ErrorKind::NotFound.into());
        }
        File::open(format!("/proc/thread-self/fd/{}", opened.as_raw_fd()))
    }
}

/// The inode number in a name like `net:[4026531840]`.
pub fn inode(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{super::number, *};

    #[test]
    fn a_path_is_opened_only_if_it_leads_to_the_namespace_of_that_number() {
        let path = PathBuf::from("/proc/self/ns/net");
        let own = NamespacePath::of_link(path.clone()).unwrap().unwrap();
        assert_eq!(number(&own.open().unwrap()).unwrap(), own.number);
        assert_eq!(own.inhabitant(), Some(Path::new("/proc/self")));
        assert!(NamespacePath::new(own.number - 1, path).open().is_err());
        let other = NamespacePath::new(own.number, "/dev/null".into());
        assert!(other.open().is_err() && other.inhabitant().is_none());
        assert_eq!(NamespacePath::of_link("/proc/self/ns/mnt".into()).unwrap(), None);
    }
}
