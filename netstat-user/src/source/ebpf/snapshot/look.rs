//! One look: through every network namespace that can be found, and through all processes' files.

use std::{fs::File, path::Path};

use anyhow::{Context as _, Result};
use netstat_ebpf::wire::HolderRecord;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{decode, iterators::Iterators};
use crate::{
    model::Snapshot,
    source::{ebpf::clock, namespaces},
};

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

    /// Looks at the holders, and at the sockets too if asked to. What can't be looked at is left out.
    pub fn look(&mut self, sockets: bool) -> Snapshot {
        let started = clock::now();
        let mut look = Look {
            looker: self,
            unix_offset_ns: started.unix_ns - started.mono_ns.cast_signed(),
            visited: FxHashSet::default(),
            snapshot: Snapshot { started, ..Snapshot::default() },
        };
        if sockets {
            look.visit_known();
            let strangers = look.find_holders();
            look.visit_strangers(&strangers);
        } else {
            look.find_holders();
        }
        let mut snapshot = look.snapshot;
        self.go_home();
        decode::sort(&mut snapshot.holders);
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

/// What may lead to network namespaces that have no process in them and are mounted nowhere: files, as
/// process and number.
#[derive(Default)]
struct Strangers {
    /// A socket in each namespace.
    sockets: FxHashMap<u32, (u32, u32)>,
    /// Namespaces of any kind.
    namespaces: Vec<(u32, u32)>,
}

impl Look<'_> {
    fn visit_known(&mut self) {
        for (number, path) in namespaces::of_processes().chain(namespaces::mounted()) {
            self.visit_path(number, &path);
        }
    }

    fn find_holders(&mut self) -> Strangers {
        let mut strangers = Strangers::default();
        let (visited, holders) = (&self.visited, &mut self.snapshot.holders);
        // What was found before an error is still true.
        let _ = self.looker.iterators.holders(|record: HolderRecord| {
            let file = (record.pid, record.fd);
            if record.sk == 0 {
                strangers.namespaces.push(file);
                return;
            }
            holders.push(decode::holder(&record));
            if !visited.contains(&record.netns) {
                strangers.sockets.insert(record.netns, file);
            }
        });
        strangers
    }

    fn visit_strangers(&mut self, strangers: &Strangers) {
        for (pid, fd) in &strangers.namespaces {
            if let Some((number, path)) = namespaces::held_open(*pid, *fd) {
                self.visit_path(number, &path);
            }
        }
        for (number, (pid, fd)) in &strangers.sockets {
            if !self.visited.contains(number)
                && let Ok(namespace) = namespaces::of_socket(*pid, *fd)
            {
                self.visit(&namespace);
            }
        }
    }

    fn visit_path(&mut self, number: u32, path: &Path) {
        if !self.visited.contains(&number)
            && let Ok(namespace) = File::open(path)
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
