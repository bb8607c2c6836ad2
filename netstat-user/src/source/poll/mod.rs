//! A source that only looks, now and then: two looks at all sockets tell what became of each connection.

mod capacity;
mod connection;
mod diff;
mod listeners;
mod seen;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, sleep_until};

pub use self::seen::{Handle, Look, Looker, Seen};
use self::{capacity::Capacity, diff::Diff};
use super::{EventSource, clock};
use crate::{
    model::{Event, Loss, LossKind, LossPlace, Moment, Started},
    table::SourceCapabilities,
};

/// Looks once every interval, and never more than half of the time.
pub struct PollSource<L> {
    looker: L,
    diff: Diff,
    started: Started,
    interval: Duration,
    next_look: Instant,
    /// What the first look found.
    waiting: VecDeque<Event>,
}

impl<L: Looker> PollSource<L> {
    /// Has not looked yet.
    pub fn start(looker: L, interval: Duration, started: Started) -> Self {
        let diff = Diff::new(started.source, Capacity::new(usize::MAX));
        Self { looker, diff, started, interval, next_look: Instant::now(), waiting: VecDeque::new() }
    }

    /// Remembers at most so many sockets, and takes the first look. What it finds is told as existing.
    pub fn remembering(mut self, sockets: usize) -> Self {
        self.diff = Diff::new(self.started.source, Capacity::new(sockets));
        let mut found = VecDeque::new();
        self.look(|event| found.push_back(event));
        self.waiting = found;
        self
    }

    fn look(&mut self, mut emit: impl FnMut(Event)) {
        let Self { looker, diff, interval, next_look, .. } = self;
        let began = Instant::now();
        let look = looker.look();
        let untold = diff.apply(&look, |handles| looker.owners(handles), |row| emit(Event::Observed(row)));
        if untold > 0 {
            let (place, what) = (LossPlace::Table, LossKind::Transitions);
            emit(Event::Lost(Loss { at: look.at, count: untold, place, what }));
        }
        let ended = Instant::now();
        *next_look = (began + *interval).max(ended + (ended - began));
    }
}

impl<L: Looker> EventSource for PollSource<L> {
    fn started(&self) -> Started {
        self.started.clone()
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { source: self.started.source, ends: false, minisocks: false }
    }

    fn now(&self) -> Moment {
        clock::now()
    }

    async fn ready(&mut self) {
        if self.waiting.is_empty() {
            sleep_until(self.next_look).await;
        }
    }

    fn drain(&mut self, mut apply: impl FnMut(Event)) -> Moment {
        self.waiting.drain(..).for_each(&mut apply);
        if Instant::now() >= self.next_look {
            self.look(apply);
        }
        clock::now()
    }

    /// A last look tells what happened since the one before.
    fn finish(mut self, apply: impl FnMut(Event)) {
        self.look(apply);
    }
}

/// What no source of this kind can see, and why, in the words of [`Started::missing`].
pub(super) fn between_looks(interval: Duration, where_it_looks: &str) -> (&'static str, String) {
    let interval = interval.as_secs_f64();
    (
        "what happens between two looks",
        format!(
            "{where_it_looks} is looked at every {interval} s: connections shorter than {interval} s are \
             not seen, and of several steps only the last; --interval sets the time"
        ),
    )
}
