//! Looks at all sockets and their holders at once, on a thread of its own.

mod decode;
mod iterators;
mod look;
mod reach;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread::{self, Thread},
};

use anyhow::{Context as _, Result};
use aya::EbpfLoader;
use netstat_ebpf::wire::Offsets;
use rustix::thread::CapabilitySet;
use tokio::sync::mpsc;

pub use self::iterators::socket_files;
pub use reach::{in_first_pid_namespace, out_of_reach};

use self::{iterators::Iterators, look::Looker};
use super::attempts::Attempts;
use crate::{
    model::{Snapshot, SnapshotError, SnapshotKind},
    privilege,
    source::SnapshotSource,
};

/// What the thread needs after the load: to open iterators (before 5.19 every `bpf()` asks for CAP_BPF), to enter
/// other network namespaces, and to find them through other users' processes, files and sockets (`SIOCGSKNS`
/// asks for CAP_NET_ADMIN).
const PRIVILEGES: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::NET_ADMIN);

/// The name of the thread, and of those that it starts: not more than the 15 bytes that the kernel keeps.
pub const THREAD: &str = "rnetstat-looks";

/// What a request asks for, as bits: requests that wait add up.
mod wanted {
    /// Who holds which socket.
    pub const HOLDERS: u8 = 1;
    /// The sockets of all network namespaces.
    pub const SOCKETS: u8 = 2;
    /// The thread's end.
    pub const END: u8 = 4;
}

/// Takes snapshots. It has programs of its own, loaded once, so that it can't disturb the tracing ones;
/// they leave the kernel with it.
pub struct Snapshotter {
    wanted: Arc<AtomicU8>,
    thread: Thread,
    snapshots: mpsc::UnboundedReceiver<Snapshot>,
}

impl Snapshotter {
    /// Loads the iterators and starts the thread.
    ///
    /// # Errors
    /// The kernel doesn't take one of the iterators (before 5.9), or the thread can't be started.
    pub fn start<'a>(
        loader: &mut EbpfLoader<'a>,
        offsets: &'a Offsets,
        kernel: &'a aya::Btf,
        attempts: &mut Attempts,
    ) -> Result<Self> {
        let mut looker = Looker::new(Iterators::load(loader, offsets, kernel, attempts)?)?;
        let wanted = Arc::new(AtomicU8::new(0));
        let (sender, snapshots) = mpsc::unbounded_channel();
        let requests = Arc::clone(&wanted);
        let handle = thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || {
                // Where a filter forbids it, the thread can do more than it has to.
                let _kept_all = privilege::keep_only(PRIVILEGES);
                serve(&requests, &mut looker, &sender);
            })
            .context("can't start the thread that takes snapshots")?;
        Ok(Self { wanted, thread: handle.thread().clone(), snapshots })
    }

    fn ask(&self, what: u8) {
        self.wanted.fetch_or(what, Ordering::Release);
        self.thread.unpark();
    }
}

impl SnapshotSource for Snapshotter {
    /// Requests that come while a look is under way are answered together, by one more.
    fn request(&self, kind: SnapshotKind) {
        self.ask(match kind {
            SnapshotKind::Owners => wanted::HOLDERS,
            SnapshotKind::Full => wanted::SOCKETS | wanted::HOLDERS,
        });
    }

    async fn next(&mut self) -> Result<Snapshot, SnapshotError> {
        match self.snapshots.recv().await {
            Some(snapshot) => Ok(snapshot),
            // The thread can only have panicked: there will be no snapshot.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Snapshotter {
    /// Ends the thread, after the snapshot that it is taking; nobody waits for that.
    fn drop(&mut self) {
        self.ask(wanted::END);
    }
}

fn serve(requests: &AtomicU8, looker: &mut Looker, snapshots: &mpsc::UnboundedSender<Snapshot>) {
    loop {
        let what = requests.swap(0, Ordering::Acquire);
        if what & wanted::END != 0 {
            return;
        }
        if what == 0 {
            thread::park();
            continue;
        }
        if snapshots.send(looker.look(what & wanted::SOCKETS != 0)).is_err() {
            return;
        }
    }
}
