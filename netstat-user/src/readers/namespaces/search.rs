//! Searches /proc for network namespaces: those that threads are in, those that are mounted in any mount namespace, and
//! those that open files hold.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustc_hash::FxHashSet;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

use super::{NamespacePath, inode};
use crate::readers::{errors, mounts, open_files::OpenFile, processes};

/// The namespaces of the main threads of all processes that `proc_root` lists, each once for each of its processes. Leaves
/// out processes that this process may not inspect.
///
/// # Errors
/// `proc_root` can't be read.
pub fn of_processes(proc_root: &Path) -> io::Result<impl Iterator<Item = NamespacePath>> {
    Ok(processes::below(proc_root)?
        .filter_map(|(_, process)| NamespacePath::of_link(process.join("ns/net")).ok().flatten()))
}

/// The namespaces that are mounted in the own mount namespace, as `ip netns` and container runtimes do it.
///
/// # Errors
/// The list of mounts can't be read.
pub fn mounted() -> io::Result<Vec<NamespacePath>> {
    let mountinfo = fs::read("/proc/thread-self/mountinfo")?;
    Ok(namespaces_of(&mountinfo).map(|(number, path)| NamespacePath::new(number, path)).collect())
}

/// The namespace that a process holds by an open file; None if the file is something else.
pub fn of_file(pid: u32, fd: u32) -> Option<NamespacePath> {
    NamespacePath::of_link(PathBuf::from(format!("/proc/{pid}/fd/{fd}"))).ok().flatten()
}

fn namespaces_of(mountinfo: &[u8]) -> impl Iterator<Item = (u32, PathBuf)> {
    mounts::parse(mountinfo).filter_map(|mount| Some((inode(&mount.root)?, mount.mount_point)))
}

/// What tells a directory from others: the numbers of its device, and its inode number.
type DirectoryId = (u32, u32, u64);

/// The namespaces that a search has found so far: each once for each path.
#[derive(Debug, Default)]
pub struct Search {
    /// The paths.
    pub found: Vec<NamespacePath>,
    /// How many processes this process may not inspect.
    pub denied: usize,
    /// The mount namespaces whose mounts are known: their names, and the root directories of the processes in them.
    mounts_known: FxHashSet<(PathBuf, DirectoryId)>,
}

impl Search {
    /// Adds the namespaces that the threads of a process are in, and those that are mounted where they are. `process` is its
    /// directory in /proc.
    pub fn process(&mut self, process: &Path) {
        let Ok(tasks) = processes::tasks(process) else {
            self.denied += usize::from(process.exists());
            return;
        };
        let mut own = None;
        let mut is_denied = false;
        for task in &tasks {
            let directory = if tasks.len() == 1 { process } else { &task.directory };
            match NamespacePath::of_link(directory.join("ns/net")) {
                // Most threads are in the namespace of the one before.
                Ok(Some(path)) if own != Some(path.number) => {
                    own = Some(path.number);
                    self.found.push(path);
                }
                Ok(_) => {}
                Err(error) => is_denied |= !errors::is_gone(&error) && processes::can_have_files(directory),
            }
            self.mounts_of(directory);
        }
        self.denied += usize::from(is_denied);
    }

    /// Adds the namespace that an open file holds, if it is one.
    pub fn file(&mut self, file: OpenFile<'_>) {
        if let Some(number) = inode(file.link) {
            self.found.push(NamespacePath::new(number, file.path()));
        }
    }

    /// Adds the namespaces that are mounted in the mount namespace of a thread.
    fn mounts_of(&mut self, thread: &Path) {
        // Each root directory shows the mounts below it.
        let root = thread.join("root");
        let (Ok(name), Some(id)) = (fs::read_link(thread.join("ns/mnt")), directory_id(&root)) else {
            return;
        };
        if !self.mounts_known.insert((name, id)) {
            return;
        }
        let Ok(mountinfo) = fs::read(thread.join("mountinfo")) else { return };
        self.found.extend(
            namespaces_of(&mountinfo)
                .map(|(number, path)| NamespacePath::mounted_below(root.clone(), number, path)),
        );
    }
}

/// None if the directory can't be inspected.
fn directory_id(path: &Path) -> Option<DirectoryId> {
    // The kernel's own knowledge is enough: a file system of another user (FUSE) must not make this wait.
    let found = statx(CWD, path, AtFlags::STATX_DONT_SYNC, StatxFlags::INO).ok()?;
    Some((found.stx_dev_major, found.stx_dev_minor, found.stx_ino))
}

#[cfg(test)]
mod tests {
    use std::{fs::File, os::fd::AsRawFd as _};

    use super::{super::*, *};

    #[test]
    fn a_mounted_namespace_is_found_among_the_mounts() {
        let text = b"36 35 0:4 net:[4026532281] /run/netns/blue rw shared:5 - nsfs nsfs rw\n\
            36 35 0:4 mnt:[4026532282] /run/other rw - nsfs nsfs rw\n\
            22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n";
        let found: Vec<_> = namespaces_of(text).collect();
        assert_eq!(found, [(4_026_532_281, "/run/netns/blue".into())]);
    }

    #[test]
    fn the_namespace_of_this_process_is_among_those_of_all_processes_and_of_its_threads() {
        let own = number(&own().unwrap()).unwrap();
        assert!(of_processes(Path::new("/proc")).unwrap().any(|path| path.number == own));
        let mut search = Search::default();
        search.process(Path::new("/proc/self"));
        assert!(search.denied == 0 && search.found.iter().any(|path| path.number == own));
        search.process(Path::new("/proc/4294967295"));
        assert_eq!(search.denied, 0);
    }

    #[test]
    fn a_file_that_is_no_namespace_leads_to_none() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(of_file(std::process::id(), file.as_raw_fd().cast_unsigned()), None);
    }
}
