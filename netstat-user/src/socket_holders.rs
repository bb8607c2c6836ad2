//! Which processes hold which sockets: by the kernel's own iterator where that is faster, or else by /proc/PID/fd.
//! It is not among the [`readers`](crate::readers) because those don't depend on the eBPF programs.

use std::{fs, path::Path};

use rustc_hash::FxHashMap;
use rustix::io::Errno;

use crate::{
    readers::{
        errors,
        open_files::{self, OpenFiles},
        processes,
        visibility::{self, Limit},
    },
    source::ebpf,
};

/// Where this host's processes are listed.
const PROC: &str = "/proc";

/// With more open files than this on the host the iterator, which takes some 40 ms to load, is faster than a walk
/// through /proc, which takes some 3 µs a file.
const MANY_FILES: u64 = 10_000;

/// The process ids of the holders of every socket, by the socket's inode number.
#[derive(Debug, Default)]
pub struct SocketHolders {
    by_inode: FxHashMap<u64, Pids>,
    /// Why not all holders can be seen.
    pub limits: Vec<Limit>,
}

/// Process ids in ascending order. Most sockets have one holder, which takes no allocation.
#[derive(Clone, Debug)]
struct Pids {
    first: u32,
    others: Vec<u32>,
}

impl Pids {
    fn iter(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

impl SocketHolders {
    /// Reads the files of all processes, by the fastest method that works.
    pub fn find() -> Self {
        if open_files().is_some_and(|count| count > MANY_FILES)
            // The iterator reports process ids of the initial PID namespace.
            && processes::in_initial_pid_namespace() == Some(true)
        {
            let mut holders = Self::default();
            if ebpf::socket_files(|record| holders.add(record.inode, record.pid)).is_ok() {
                return holders;
            }
        }
        Self::scan(Path::new(PROC))
    }

    /// Reads the files of all processes from /proc.
    fn scan(root: &Path) -> Self {
        let mut holders = Self { limits: visibility::limits_of(root), ..Self::default() };
        let (mut denied, mut failed) = (0, None);
        let files = OpenFiles::below(root);
        match processes::below(root) {
            Ok(processes) => {
                for (pid, directory) in processes {
                    let read = files.each(&directory, |file| {
                        if let Some(inode) = open_files::socket(file.link) {
                            holders.add(inode.get(), pid);
                        }
                    });
                    match read {
                        Err(error) if errors::is_exhaustion(&error) => failed = Errno::from_io_error(&error),
                        Err(error) if !errors::is_gone(&error) => denied += 1,
                        _ => {}
                    }
                }
            }
            Err(error) => failed = Some(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
        }
        holders.limits.extend(failed.map(Limit::Failed));
        if denied > 0 {
            holders.limits.push(Limit::Denied(denied));
        }
        holders
    }

    fn add(&mut self, inode: u64, pid: u32) {
        let pids = self.by_inode.entry(inode).or_insert(Pids { first: pid, others: Vec::new() });
        if pid < pids.first {
            pids.others.insert(0, std::mem::replace(&mut pids.first, pid));
        } else if pid > pids.first
            && let Err(at) = pids.others.binary_search(&pid)
        {
            pids.others.insert(at, pid);
        }
    }

    /// The processes that hold the socket, in ascending order of their ids; none for inode number 0, which means
    /// that the socket has no file.
    pub fn of(&self, inode: u64) -> impl Iterator<Item = u32> {
        self.by_inode.get(&inode).filter(|_| inode != 0).into_iter().flat_map(Pids::iter)
    }

    /// The holders of all sockets; a process occurs as often as it holds one.
    pub fn pids(&self) -> impl Iterator<Item = u32> {
        self.by_inode.values().flat_map(Pids::iter)
    }
}

/// How many files are open on the host: the first number of /proc/sys/fs/file-nr (proc(5)).
fn open_files() -> Option<u64> {
    let numbers = fs::read_to_string("/proc/sys/fs/file-nr").ok()?;
    numbers.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::{fd::AsFd as _, unix::fs::MetadataExt as _};

    use super::*;

    #[test]
    fn holders_are_in_ascending_order_of_their_ids_each_once() {
        let mut holders = SocketHolders::default();
        for pid in [30, 1, 40, 30, 1, 2] {
            holders.add(9, pid);
        }
        assert_eq!(holders.of(9).collect::<Vec<_>>(), [1, 2, 30, 40]);
        assert_eq!(holders.of(8).count(), 0);
    }

    #[test]
    fn this_process_holds_its_socket() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = fs::File::from(listener.as_fd().try_clone_to_owned().unwrap());
        let holders = SocketHolders::find();
        // A child of another test may hold a copy too, until it runs its program.
        assert_eq!(holders.of(file.metadata().unwrap().ino()).next(), Some(std::process::id()));
    }
}
