//! Snapshots of all sockets and of the processes that hold them, taken on a thread of its own.

mod collector;
pub(crate) mod decode;
pub(crate) mod iterators;
mod reach;
#[cfg(test)]
mod tests;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread::{self, Thread},
};

use anyhow::{Context as _, Result, anyhow};
use aya::EbpfLoader;
use netstat_ebpf::wire::{Offsets, SNAPSHOT_THREAD_NAME};
use rustix::thread::CapabilitySet;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

pub use self::iterators::socket_files;
pub use reach::{in_initial_pid_namespace, out_of_reach};

use self::{collector::Collector, iterators::Iterators};
use super::attempts::Attempts;
use crate::{
    model::{Snapshot, SnapshotError, SnapshotKind},
    privilege,
    readers::errors,
    source::{SnapshotSource, clock},
};

/// What the thread needs once the programs are loaded: to open iterators (before 5.19 every `bpf()` takes CAP_BPF), to
/// enter other network namespaces, and to find them through other users' processes, files and sockets (`SIOCGSKNS`
/// takes CAP_NET_ADMIN).
const PRIVILEGES: CapabilitySet = CapabilitySet::BPF
    .union(CapabilitySet::SYS_ADMIN)
    .union(CapabilitySet::SYS_PTRACE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::NET_ADMIN);

/// Bits of a request. Requests that wait are merged.
mod request {
    /// The processes that hold sockets.
    pub const OWNERS: u8 = 1;
    /// The sockets of all network namespaces.
    pub const SOCKETS: u8 = 2;
    /// The end of the thread.
    pub const END: u8 = 4;
}

/// Takes snapshots. It loads programs of its own, once, so that it can't disturb the tracing programs; the kernel
/// unloads them when the thread ends.
pub struct Snapshotter {
    requests: Arc<AtomicU8>,
    thread: Thread,
    results: UnboundedReceiver<Result<Snapshot, SnapshotError>>,
    reported_end: bool,
}

impl Snapshotter {
    /// Loads the iterators and starts the thread. `memory_limit` is the limit of this process's memory, bytes.
    ///
    /// # Errors
    /// The kernel refuses one of the iterators (before 5.9), or the thread can't be started.
    pub fn start<'a>(
        loader: &mut EbpfLoader<'a>,
        offsets: &'a Offsets,
        kernel: &'a aya::Btf,
        memory_limit: Option<u64>,
        attempts: &mut Attempts,
    ) -> Result<Self> {
        let iterators = Iterators::load(loader, offsets, kernel, attempts)?;
        let mut collector = Collector::new(iterators, memory_limit)?;
        Self::spawn(|| {
            // If a system call filter refuses, the thread keeps more privileges than it needs.
            let _kept_all = privilege::keep_only(PRIVILEGES);
            move |kind| {
                // The last snapshot may have ended by a panic, in another namespace.
                collector.return_home()?;
                collector.take(kind)
            }
        })
    }

    /// Starts the thread, which calls `begin` once and its result for each snapshot.
    fn spawn<Take>(begin: impl FnOnce() -> Take + Send + 'static) -> Result<Self>
    where
        Take: FnMut(SnapshotKind) -> Result<Snapshot>,
    {
        let requests = Arc::new(AtomicU8::new(0));
        let (sender, results) = mpsc::unbounded_channel();
        let pending = Arc::clone(&requests);
        let handle = thread::Builder::new()
            .name(SNAPSHOT_THREAD_NAME.to_owned())
            .spawn(move || serve(&pending, begin(), &sender))
            .map_err(|error| anyhow!(errors::explain(&error.into())))
            .context("can't start the thread that takes snapshots")?;
        Ok(Self { requests, thread: handle.thread().clone(), results, reported_end: false })
    }

    fn send(&self, what: u8) {
        self.requests.fetch_or(what, Ordering::Release);
        self.thread.unpark();
    }
}

impl SnapshotSource for Snapshotter {
    /// Requests that arrive while a snapshot is being taken are answered by one snapshot after it.
    fn request(&self, kind: SnapshotKind) {
        self.send(match kind {
            SnapshotKind::Owners => request::OWNERS,
            SnapshotKind::Full => request::SOCKETS | request::OWNERS,
        });
    }

    async fn next(&mut self) -> Result<Snapshot, SnapshotError> {
        match self.results.recv().await {
            Some(result) => result,
            None if self.reported_end => std::future::pending().await,
            None => {
                self.reported_end = true;
                Err(SnapshotError {
                    kind: SnapshotKind::Full,
                    at: clock::now(),
                    why: "the thread that takes them has ended; restart rnetstat-trace".to_owned(),
                    may_recover: false,
                })
            }
        }
    }
}

impl Drop for Snapshotter {
    /// Ends the thread after the snapshot that it is taking. Doesn't wait for it.
    fn drop(&mut self) {
        self.send(request::END);
    }
}

fn serve(
    requests: &AtomicU8,
    mut take: impl FnMut(SnapshotKind) -> Result<Snapshot>,
    results: &UnboundedSender<Result<Snapshot, SnapshotError>>,
) {
    loop {
        let requested = requests.swap(0, Ordering::Acquire);
        if requested & request::END != 0 {
            return;
        }
        let kind = match requested {
            0 => {
                thread::park();
                continue;
            }
            _ if requested & request::SOCKETS != 0 => SnapshotKind::Full,
            _ => SnapshotKind::Owners,
        };
        // What a panic leaves half done is thrown away: each snapshot starts anew.
        let result = catch_unwind(AssertUnwindSafe(|| take(kind)))
            .unwrap_or_else(|panic| Err(anyhow!("taking it panicked: {}", panic_message(panic.as_ref()))));
        let result = result.map_err(|error| SnapshotError {
            kind,
            at: clock::now(),
            why: errors::explain(&error),
            may_recover: true,
        });
        if results.send(result).is_err() {
            return;
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
