//! Where events come from: each source turns what it has into the same [`Event`].

mod choice;
mod clock;
#[cfg(target_os = "linux")]
pub mod ebpf;
#[cfg(target_os = "linux")]
mod lineage;
mod poll;
#[cfg(target_os = "linux")]
pub mod proc;
#[cfg(windows)]
pub mod windows;

use std::convert::Infallible;

pub use choice::{Chosen, start};
#[cfg(target_os = "linux")]
pub use lineage::keeps;

use crate::{
    model::{Event, Moment, Snapshot, SnapshotError, SnapshotKind, Started},
    table::SourceCapabilities,
};

/// Anything that yields events in the order in which they happened.
pub trait EventSource {
    /// What this source can see, and what it can't.
    fn started(&self) -> Started;

    /// What the table has to know of that.
    fn capabilities(&self) -> SourceCapabilities;

    /// Now, by the clocks of its events.
    fn now(&self) -> Moment;

    /// Returns when there may be events to drain. Dropping the future loses nothing.
    fn ready(&mut self) -> impl Future<Output = ()>;

    /// Hands over what has come, and says until when that is everything. It returns early after some ten
    /// thousand events; `ready` is ready then.
    fn drain(&mut self, apply: impl FnMut(Event)) -> Moment;

    /// Stops seeing, and hands over what is left with the last word on what was lost.
    fn finish(self, apply: impl FnMut(Event));
}

/// Takes snapshots of the kernel's sockets, beside the events.
pub trait SnapshotSource {
    /// Asks for a snapshot, and returns at once.
    fn request(&self, kind: SnapshotKind);

    /// The next snapshot that was requested, or why it could not be taken. Dropping the future loses nothing;
    /// without a request it never ends.
    fn next(&mut self) -> impl Future<Output = Result<Snapshot, SnapshotError>>;
}

/// Of a source that takes no snapshots.
impl SnapshotSource for Infallible {
    fn request(&self, _: SnapshotKind) {
        match *self {}
    }

    async fn next(&mut self) -> Result<Snapshot, SnapshotError> {
        match *self {}
    }
}

/// `None` never yields a snapshot.
impl<S: SnapshotSource> SnapshotSource for Option<S> {
    fn request(&self, kind: SnapshotKind) {
        if let Some(source) = self {
            source.request(kind);
        }
    }

    async fn next(&mut self) -> Result<Snapshot, SnapshotError> {
        match self {
            Some(source) => source.next().await,
            None => std::future::pending().await,
        }
    }
}

/// Nobody is asked about where no source tells who closes a connection.
#[cfg(not(target_os = "linux"))]
pub fn keeps(_: u32, _: u32) -> bool {
    true
}
