//! The sources of events: each one reports as the same type, [`Event`].

#[cfg(target_os = "linux")]
mod capacity;
mod choice;
mod clock;
#[cfg(target_os = "linux")]
pub mod ebpf;
#[cfg(target_os = "linux")]
mod lineage;
mod memory;
mod poll;
#[cfg(target_os = "linux")]
pub mod proc;
#[cfg(windows)]
pub mod windows;

use std::convert::Infallible;

pub use choice::{Chosen, start};
#[cfg(target_os = "linux")]
pub use lineage::{process_start, remains_owner};

use crate::model::{Event, Moment, Snapshot, SnapshotError, SnapshotKind, SourceCapabilities, Started};

/// Yields events in the order in which they happened.
pub trait EventSource {
    /// What this source can see, and what it can't.
    fn started(&self) -> Started;

    /// The part of that which the table has to know.
    fn capabilities(&self) -> SourceCapabilities;

    /// The present time, by the clocks of the events.
    fn now(&self) -> Moment;

    /// Returns when there may be events to drain. Dropping the future loses nothing.
    fn ready(&mut self) -> impl Future<Output = ()>;

    /// Yields the events that have come, and returns the time until which they are complete. It returns early after
    /// some ten thousand events; then `ready` returns at once.
    fn drain(&mut self, apply: impl FnMut(Event)) -> Moment;

    /// Requests [`Event::Tuple`] for a connecting socket, by its address. It comes only if the source can read the socket, and
    /// if that has a local port.
    fn request_tuple(&self, _sk: u64) {}

    /// Stops, and yields the remaining events and the final counts of what was lost.
    fn finish(self, apply: impl FnMut(Event));

    /// Stops yielding events, or goes on, if the source can wait: a recording can, the kernel can't.
    fn set_paused(&mut self, _is_paused: bool) {}

    /// Goes on at another time, with the connections of that time first. False if the source has only the present.
    fn seek(&mut self, _to: Moment) -> bool {
        false
    }
}

/// Takes snapshots of the kernel's sockets, beside the events.
pub trait SnapshotSource {
    /// Requests a snapshot, and returns immediately.
    fn request(&self, kind: SnapshotKind);

    /// The next snapshot that was requested, or why it could not be taken. Dropping the future loses nothing;
    /// without a request it never ends.
    fn next(&mut self) -> impl Future<Output = Result<Snapshot, SnapshotError>>;
}

/// For sources that take no snapshots.
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

/// On systems whose source does not report which process closes a connection, the known owner stays.
#[cfg(not(target_os = "linux"))]
pub fn remains_owner(_: u32, _: u32) -> bool {
    true
}

/// On systems whose source names the present owner in each poll, no owner is checked.
#[cfg(not(target_os = "linux"))]
pub fn process_start(_: u32) -> Option<u64> {
    Some(0)
}
