//! One look: through every network namespace that can be found, and through all processes' files.

use std::{fs::File, path::Path, thread};

use anyhow::{Context as _, Result};
use netstat_ebpf::wire::HolderRecord;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    decode,
    iterators::{Holders, Iterators},
};
use crate::{
    model::{Holder, Snapshot, SnapshotKind},
    readers::namespaces,
    source::clock,
};

/// How many sockets of a network namespace are tried as ways there: some may be closed by then, as a child's copies are
/// when it runs its program.
const WAYS: usize = 8;

/// Takes one snapshot after the other. It belongs to one thread, which it moves about.
pub struct Looker {
    iterators: Iterators,
    home: File,
    home_number: u32,
    /// Where the thread is now.
    now_in: u32,
}

impl Looker {
    /// Begins in the network namespace of the calling thread.
    ///
    /// # Errors
    /// /proc is not mounted.
    pub fn new(iterators: Iterators) -> Result<Self> {
        let home = namespaces::own().context("can't open /proc/thread-self/ns/net")?;
        let home_number = namespaces::number(&home)?;
        Ok(Self { iterators, home, home_number, now_in: home_number })
    }

    /// Looks at the holders, and meanwhile at the sockets too if asked to. What can't be looked at is left out.
    pub fn look(&mut self, sockets: bool) -> Snapshot {
        let started = clock::now();
        let mut look = Look {
            looker: self,
            unix_offset_ns: started.unix_ns - started.mono_ns.cast_signed(),
            visited: FxHashSet::default(),
            snapshot: Snapshot {
                kind: if sockets { SnapshotKind::Full } else { SnapshotKind::Owners },
                started,
                ..Snapshot::default()
            },
        };
        let holders = look.looker.iterators.holders();
        let found = thread::scope(|scope| {
            let holders = scope.spawn(|| holders.map(Found::read).unwrap_or_default());
            if sockets {
                look.visit_known();
            }
            holders.join().unwrap_or_default()
        });
        if sockets {
            look.visit_strangers(&found);
        }
        let mut snapshot = look.snapshot;
        self.go_home();
        snapshot.holders = found.holders;
        snapshot.finished = clock::now();
        snapshot
    }

    fn enter(&mut self, namespace: &File, number: u32) -> Result<()> {
        if number != self.now_in {
            namespaces::enter(namespace)?;
            self.now_in = number;
        }
        Ok(())
    }

    /// A thread that stayed elsewhere would keep that namespace alive.
    fn go_home(&mut self) {
        if self.now_in != self.home_number && namespaces::enter(&self.home).is_ok() {
            self.now_in = self.home_number;
        }
    }
}

/// A look that is under way.
struct Look<'a> {
    looker: &'a mut Looker,
    /// CLOCK_REALTIME less CLOCK_MONOTONIC.
    unix_offset_ns: i64,
    /// Namespaces that were entered, or could not be.
    visited: FxHashSet<u32>,
    snapshot: Snapshot,
}

/// What the processes' files have told: who holds what, and what may lead to network namespaces that have no process
/// in them and are mounted nowhere, as process and number of a file.
#[derive(Default)]
struct Found {
    /// Sorted.
    holders: Vec<Holder>,
    /// The first sockets in each network namespace.
    sockets: FxHashMap<u32, Vec<(u32, u32)>>,
    /// Namespaces of any kind.
    namespaces: Vec<(u32, u32)>,
}

impl Found {
    fn read(holders: Holders) -> Self {
        let mut found = Self::default();
        // What was found before an error is still true.
        let _ = holders.read(|record: HolderRecord| {
            let file = (record.pid, record.fd);
            if record.sk == 0 {
                found.namespaces.push(file);
                return;
            }
            found.holders.push(decode::holder(&record));
            let ways = found.sockets.entry(record.netns).or_default();
            if ways.len() < WAYS {
                ways.push(file);
            }
        });
        decode::sort(&mut found.holders);
        found
    }
}

impl Look<'_> {
    fn visit_known(&mut self) {
        for (number, path) in namespaces::of_processes(Path::new("/proc")).chain(namespaces::mounted()) {
            self.visit_path(number, &path);
        }
    }

    fn visit_strangers(&mut self, found: &Found) {
        for (pid, fd) in &found.namespaces {
            if let Some((number, path)) = namespaces::held_open(*pid, *fd) {
                self.visit_path(number, &path);
            }
        }
        for (number, ways) in &found.sockets {
            for (pid, fd) in ways {
                if !self.visited.contains(number)
                    && let Ok(namespace) = namespaces::of_socket(*pid, *fd)
                {
                    self.visit(&namespace);
                }
            }
        }
    }

    fn visit_path(&mut self, number: u32, path: &Path) {
        if !self.visited.contains(&number)
            && let Ok(namespace) = namespaces::open(number, path)
        {
            self.visit(&namespace);
        }
    }

    /// Looks at the sockets of a namespace, once a look; one that can't be entered, or not be looked at
    /// to the end, is not covered.
    fn visit(&mut self, namespace: &File) {
        let Ok(number) = namespaces::number(namespace) else { return };
        if !self.visited.insert(number) || self.looker.enter(namespace, number).is_err() {
            return;
        }
        let (sockets, unix_offset_ns) = (&mut self.snapshot.sockets, self.unix_offset_ns);
        let read =
            self.looker.iterators.sockets(|record| sockets.push(decode::socket(&record, unix_offset_ns)));
        if read.is_ok() {
            self.snapshot.netns_covered.push(number);
        }
    }
}
