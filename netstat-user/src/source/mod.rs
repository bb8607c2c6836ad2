//! Where events come from: each source turns what it has into the same [`Event`].

#[cfg(target_os = "linux")]
pub mod ebpf;

use crate::model::{Event, Moment, Started};

/// Anything that yields events in the order in which they happened.
pub trait EventSource {
    /// What this source can see, and what it can't.
    fn started(&self) -> Started;

    /// Whether it tells, by [`Event::Ends`], the local port that the kernel chooses after CLOSE→SYN_SENT.
    fn tells_ends(&self) -> bool;

    /// Now, by the clocks of its events.
    fn now(&self) -> Moment;

    /// Returns when there may be events to drain. Dropping the future loses nothing.
    fn ready(&mut self) -> impl Future<Output = ()>;

    /// Hands over what has come; returns early after some ten thousand events, then `ready` is ready.
    fn drain(&mut self, apply: impl FnMut(Event));

    /// Stops seeing, and hands over what is left with the last word on what was lost.
    fn finish(self, apply: impl FnMut(Event));
}
