//! Where events come from: each source turns what it has into the same [`Event`].

mod choice;
mod clock;
#[cfg(target_os = "linux")]
pub mod ebpf;
#[cfg(target_os = "linux")]
mod lineage;
#[cfg(target_os = "linux")]
pub mod namespaces;
mod poll;
#[cfg(target_os = "linux")]
pub mod proc;
#[cfg(target_os = "linux")]
pub(crate) mod processes;
#[cfg(windows)]
pub mod windows;

use std::convert::Infallible;

pub use choice::{Chosen, start};
#[cfg(target_os = "linux")]
pub use lineage::keeps;

use crate::{
    model::{Event, Moment, Snapshot, Started},
    table::Sight,
};

/// Anything that yields events in the order in which they happened.
pub trait EventSource {
    /// What this source can see, and what it can't.
    fn started(&self) -> Started;

    /// What the table has to know of that.
    fn sight(&self) -> Sight;

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

/// What a look is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookAt {
    /// Who holds which socket.
    Holders,
    /// All sockets, and who holds them.
    Everything,
}

/// Looks at all sockets at once, beside the events.
pub trait Looks {
    /// Asks for a look, and returns at once.
    fn look(&self, at: LookAt);

    /// The next look that was asked for. Dropping the future loses nothing; without a request it never ends.
    fn next(&mut self) -> impl Future<Output = Snapshot>;
}

/// Of a source that has no looks beside its events.
impl Looks for Infallible {
    fn look(&self, _: LookAt) {
        match *self {}
    }

    async fn next(&mut self) -> Snapshot {
        match *self {}
    }
}

/// A source that can't look has nothing to say.
impl<L: Looks> Looks for Option<L> {
    fn look(&self, at: LookAt) {
        if let Some(looks) = self {
            looks.look(at);
        }
    }

    async fn next(&mut self) -> Snapshot {
        match self {
            Some(looks) => looks.next().await,
            None => std::future::pending().await,
        }
    }
}

/// Nobody is asked about where no source tells who closes a connection.
#[cfg(not(target_os = "linux"))]
pub fn keeps(_: u32, _: u32) -> bool {
    true
}
