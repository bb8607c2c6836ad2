//! Which processes hold which sockets, by the sockets' inode numbers.

mod process;
mod walk;

use rustc_hash::FxHashMap;

use crate::source::ebpf;

pub use process::Process;

/// Above so many open files on the host the kernel's own iterator, which takes some 40 ms to load, is faster
/// than a walk through /proc, which takes some 3 µs for each.
const MANY_FILES: u64 = 10_000;

/// Who holds which socket, and who they are.
#[derive(Debug, Default)]
pub struct Owners {
    /// The holders' process ids by inode number, in ascending order.
    by_inode: FxHashMap<u64, Pids>,
    processes: FxHashMap<u32, Process>,
    /// Whether a process could not be looked into.
    pub incomplete: bool,
}

/// Mostly one: the others are looked up elsewhere.
#[derive(Clone, Debug)]
struct Pids {
    first: u32,
    others: Vec<u32>,
}

impl Owners {
    /// Looks at all processes' files, the fastest way that works.
    pub fn find() -> Self {
        let mut owners = Self::default();
        let by_iterator = open_files().is_some_and(|count| count > MANY_FILES)
            && pids_are_the_kernel_s()
            && ebpf::socket_files(|record| owners.add(record.inode, record.pid)).is_ok();
        if !by_iterator {
            owners.by_inode.clear();
            owners.incomplete = walk::sockets(|inode, pid| owners.add(inode, pid));
        }
        for pids in owners.by_inode.values() {
            for pid in std::iter::once(&pids.first).chain(&pids.others) {
                owners.processes.entry(*pid).or_insert_with(|| Process::read(*pid));
            }
        }
        owners
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

    /// The processes that hold the socket, the one with the lowest id first.
    pub fn of(&self, inode: u64) -> impl Iterator<Item = (u32, &Process)> {
        let pids = self.by_inode.get(&inode).filter(|_| inode != 0);
        pids.into_iter()
            .flat_map(|pids| std::iter::once(&pids.first).chain(&pids.others))
            .filter_map(|pid| Some((*pid, self.processes.get(pid)?)))
    }
}

/// How many files are open on the host: the first number of /proc/sys/fs/file-nr (proc(5)).
fn open_files() -> Option<u64> {
    let numbers = std::fs::read_to_string("/proc/sys/fs/file-nr").ok()?;
    numbers.split_whitespace().next()?.parse().ok()
}

/// Whether a process's id here is the one that the kernel's programs see: in the initial pid namespace, whose
/// inode number is fixed (PROC_PID_INIT_INO, include/linux/proc_ns.h, since 3.8).
fn pids_are_the_kernel_s() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == "pid:[4026531836]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_come_in_the_order_of_their_ids_each_once() {
        let mut owners = Owners::default();
        for pid in [30, 1, 40, 30, 1, 2] {
            owners.add(9, pid);
            owners.processes.insert(pid, Process::default());
        }
        let pids: Vec<u32> = owners.of(9).map(|(pid, _)| pid).collect();
        assert_eq!(pids, [1, 2, 30, 40]);
        assert_eq!(owners.of(8).count(), 0);
    }

    #[test]
    fn this_process_is_the_owner_of_its_socket() {
        use std::os::{fd::AsFd as _, unix::fs::MetadataExt as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let file = std::fs::File::from(listener.as_fd().try_clone_to_owned().unwrap());
        let owners = Owners::find();
        let mut pids = owners.of(file.metadata().unwrap().ino()).map(|(pid, _)| pid);
        // A child of another test may hold a copy too, until it runs its program.
        assert_eq!(pids.next(), Some(std::process::id()));
    }
}
