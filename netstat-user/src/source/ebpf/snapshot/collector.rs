//! Takes one snapshot: visits every network namespace that can be found, and reads the files of all processes.

use std::{fs::File, io, path::Path};

use anyhow::{Context as _, Result, anyhow, bail};
use netstat_ebpf::wire::{HolderRecord, SNAPSHOT_THREAD_NAME};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    super::parallel,
    decode,
    iterators::{Iterators, SocketFiles},
    reach,
};
use crate::{
    model::{Holder, Snapshot, SnapshotKind, SnapshotSocket, UnreadNetns},
    readers::{
        errors,
        namespaces::{self, NamespacePath, Search, SocketFile},
        processes,
    },
    source::{capacity::Capacity, clock},
};

/// The number of sockets that are tried as a path to a network namespace that only sockets keep alive. Several,
/// because some may be closed by then: a child process closes its inherited copies when it executes another program.
const MAX_SOCKET_PATHS: usize = 8;

/// Takes snapshots, one at a time. It moves the calling thread between network namespaces, so it must stay on one
/// thread.
pub struct Collector {
    iterators: Iterators,
    home: File,
    home_netns: u32,
    /// The namespace that the thread is in.
    current_netns: u32,
    /// Whether a namespace that this process may not enter is reported with each snapshot. False where the reason
    /// holds for all of them and [`reach::out_of_reach`] has reported it at the start.
    reports_denied: bool,
    /// The limit of this process's memory, bytes.
    memory_limit: Option<u64>,
}

impl Collector {
    /// Creates a collector whose home is the calling thread's network namespace.
    ///
    /// # Errors
    /// /proc is not mounted.
    pub fn new(iterators: Iterators, memory_limit: Option<u64>) -> Result<Self> {
        let home = namespaces::own().context("can't open /proc/thread-self/ns/net")?;
        let home_netns = namespaces::number(&home)?;
        let reports_denied = reach::is_unlimited();
        Ok(Self { iterators, home, home_netns, current_netns: home_netns, reports_denied, memory_limit })
    }

    /// Takes a snapshot.
    ///
    /// A namespace that can't be opened or entered is listed in [`Snapshot::netns_unread`]; one that was removed
    /// meanwhile is left out.
    ///
    /// # Errors
    /// An iterator can't be opened or read to its end, /proc can't be read, or a resource has run out. There are more sockets
    /// than there is memory for.
    pub fn take(&mut self, kind: SnapshotKind) -> Result<Snapshot> {
        let result = self.collect(kind);
        // A thread that stays in another namespace keeps that namespace alive.
        let returned = self.return_home();
        let snapshot = result?;
        returned?;
        Ok(snapshot)
    }

    fn collect(&mut self, kind: SnapshotKind) -> Result<Snapshot> {
        let started = clock::now();
        let files = self.iterators.open_socket_files()?;
        let capacity = Capacity::within(self.memory_limit);
        let mut visit = Visit::new(self, capacity, started.unix_ns - started.mono_ns.cast_signed());
        let (holders, visited) = parallel::join(
            SNAPSHOT_THREAD_NAME,
            || Holders::read(&files, capacity),
            || match kind {
                SnapshotKind::Full => visit.visit_listed(),
                SnapshotKind::Owners => Ok(()),
            },
        );
        visited?;
        let holders = holders?;
        match kind {
            SnapshotKind::Full => visit.visit_held(&holders)?,
            SnapshotKind::Owners => {}
        }
        let (sockets, netns_covered, netns_unread) = visit.finish();
        let Holders { sorted: holders, .. } = holders;
        Ok(Snapshot { kind, started, finished: clock::now(), sockets, holders, netns_covered, netns_unread })
    }

    fn enter(&mut self, namespace: &File, number: u32) -> io::Result<()> {
        if number != self.current_netns {
            namespaces::enter(namespace)?;
            self.current_netns = number;
        }
        Ok(())
    }

    /// Moves the thread back to the network namespace that it started in.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn return_home(&mut self) -> Result<()> {
        if self.current_netns != self.home_netns {
            namespaces::enter(&self.home).context("can't return to the own network namespace")?;
            self.current_netns = self.home_netns;
        }
        Ok(())
    }
}

/// # Errors
/// There is no memory for so many sockets.
fn check(capacity: Capacity, sockets: usize) -> Result<()> {
    match capacity.excess(sockets) {
        Some(excess) => bail!("one of {sockets} sockets takes {excess}"),
        None => Ok(()),
    }
}

/// The processes that hold sockets, and the files by which a network namespace can be opened that no process is in and
/// that is mounted nowhere. A file is a process id and a descriptor.
#[derive(Default)]
struct Holders {
    sorted: Vec<Holder>,
    /// The first sockets of each network namespace.
    sockets: FxHashMap<u32, Vec<(u32, u32)>>,
    /// Files that are namespaces of any kind.
    namespaces: Vec<(u32, u32)>,
}

impl Holders {
    fn read(files: &SocketFiles, capacity: Capacity) -> Result<Self> {
        let mut holders = Self::default();
        let mut count = 0;
        files.read(|record: HolderRecord| {
            let file = (record.process.pid, record.fd);
            if record.sk == 0 {
                holders.namespaces.push(file);
                return;
            }
            count += 1;
            if count > capacity.sockets() {
                return;
            }
            holders.sorted.push(decode::holder(&record));
            let paths = holders.sockets.entry(record.netns).or_default();
            if paths.len() < MAX_SOCKET_PATHS {
                paths.push(file);
            }
        })?;
        check(capacity, count)?;
        decode::sort(&mut holders.sorted);
        Ok(holders)
    }
}

/// One pass through the network namespaces.
struct Visit<'a> {
    collector: &'a mut Collector,
    capacity: Capacity,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC, nanoseconds.
    unix_offset_ns: i64,
    /// Namespaces that were entered, or could not be entered.
    visited: FxHashSet<u32>,
    /// Why a namespace could not be opened or entered so far: another path may still lead to it.
    unread: FxHashMap<u32, String>,
    sockets: Vec<SnapshotSocket>,
    covered: Vec<u32>,
}

impl<'a> Visit<'a> {
    fn new(collector: &'a mut Collector, capacity: Capacity, unix_offset_ns: i64) -> Self {
        Self {
            collector,
            capacity,
            unix_offset_ns,
            visited: FxHashSet::default(),
            unread: FxHashMap::default(),
            sockets: Vec::new(),
            covered: Vec::new(),
        }
    }

    /// Visits the own namespace, and those that threads are in or that are mounted.
    fn visit_listed(&mut self) -> Result<()> {
        self.visited.insert(self.collector.home_netns);
        self.read_sockets(self.collector.home_netns)?;
        let mut search = Search::default();
        for (_, process) in processes::below(Path::new("/proc")).context("can't list /proc")? {
            search.process(&process);
        }
        let mounted = namespaces::mounted().context("can't read /proc/thread-self/mountinfo")?;
        for path in mounted.iter().chain(&search.found) {
            self.visit_path(path)?;
        }
        Ok(())
    }

    /// Visits the namespaces that processes hold by a file or by a socket.
    fn visit_held(&mut self, holders: &Holders) -> Result<()> {
        for (pid, fd) in &holders.namespaces {
            if let Some(path) = namespaces::of_file(*pid, *fd) {
                self.visit_path(&path)?;
            }
        }
        for (number, files) in &holders.sockets {
            for (pid, fd) in files {
                if !self.visited.contains(number) {
                    let file = SocketFile { pid: *pid, fd: *fd };
                    let opened = namespaces::of_socket(&file, |found| found == *number);
                    self.visit_opened(*number, opened)?;
                }
            }
        }
        Ok(())
    }

    fn visit_path(&mut self, path: &NamespacePath) -> Result<()> {
        if self.visited.contains(&path.number) {
            return Ok(());
        }
        self.visit_opened(path.number, path.open())
    }

    fn visit_opened(&mut self, number: u32, opened: io::Result<File>) -> Result<()> {
        match opened {
            // By now the descriptor of a socket may be another socket's, in another namespace.
            Ok(namespace) if namespaces::number(&namespace)? == number => self.visit(number, &namespace),
            Ok(_) => Ok(()),
            Err(error) => self.note_unread(number, "can't be opened", error),
        }
    }

    /// Enters a namespace that has not been visited yet, and reads its sockets.
    fn visit(&mut self, number: u32, namespace: &File) -> Result<()> {
        self.visited.insert(number);
        match self.collector.enter(namespace, number) {
            Ok(()) => self.read_sockets(number),
            Err(error) => self.note_unread(number, "can't be entered", error),
        }
    }

    /// Reads the sockets of the namespace that the thread is in.
    fn read_sockets(&mut self, number: u32) -> Result<()> {
        let (sockets, unix_offset_ns, capacity) = (&mut self.sockets, self.unix_offset_ns, self.capacity);
        let mut count = sockets.len();
        self.collector.iterators.read_sockets(|record| {
            count += 1;
            if count <= capacity.sockets() {
                sockets.push(decode::socket(&record, unix_offset_ns));
            }
        })?;
        check(capacity, count)?;
        self.covered.push(number);
        Ok(())
    }

    /// Notes why a namespace could not be read.
    ///
    /// # Errors
    /// The reason is not the namespace's: a resource of this process has run out.
    fn note_unread(&mut self, number: u32, what: &str, error: io::Error) -> Result<()> {
        if errors::is_exhaustion(&error) {
            return Err(anyhow!(error).context(format!("a network namespace {what}")));
        }
        let is_explained = error.kind() == io::ErrorKind::PermissionDenied && !self.collector.reports_denied;
        if !is_explained && !errors::is_gone(&error) {
            self.unread.insert(number, format!("{what}: {error}"));
        }
        Ok(())
    }

    fn finish(mut self) -> (Vec<SnapshotSocket>, Vec<u32>, Vec<UnreadNetns>) {
        for number in &self.covered {
            self.unread.remove(number);
        }
        let mut unread: Vec<UnreadNetns> =
            self.unread.into_iter().map(|(netns, why)| UnreadNetns { netns, why }).collect();
        unread.sort_by_key(|unread| unread.netns);
        (self.sockets, self.covered, unread)
    }
}
