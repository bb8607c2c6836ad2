//! A source that only looks, now and then: two looks at all sockets tell what became of each connection.

mod connection;
mod diff;
mod listeners;
mod seen;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, sleep_until};

use self::diff::Diff;
pub use self::seen::{Handle, Look, Looker, Seen};
use super::{EventSource, clock};
use crate::{
    model::{Event, Moment, Row, Started},
    table::Sight,
};

/// Looks once every interval, and never more than half of the time.
pub struct PollSource<L> {
    looker: L,
    diff: Diff,
    started: Started,
    interval: Duration,
    next_look: Instant,
    /// What the first look found.
    waiting: VecDeque<Row>,
}

impl<L: Looker> PollSource<L> {
    /// Takes the first look. What it finds is told as existing.
    pub fn start(looker: L, interval: Duration, started: Started) -> Self {
        let diff = Diff::new(started.source);
        let mut source =
            Self { looker, diff, started, interval, next_look: Instant::now(), waiting: VecDeque::new() };
        let mut found = VecDeque::new();
        source.look(|row| found.push_back(row));
        source.waiting = found;
        source
    }

    fn look(&mut self, emit: impl FnMut(Row)) {
        let Self { looker, diff, interval, next_look, .. } = self;
        let began = Instant::now();
        let look = looker.look();
        diff.apply(&look, |handles| looker.owners(handles), emit);
        let ended = Instant::now();
        *next_look = (began + *interval).max(ended + (ended - began));
    }
}

impl<L: Looker> EventSource for PollSource<L> {
    fn started(&self) -> Started {
        self.started.clone()
    }

    fn sight(&self) -> Sight {
        Sight { source: self.started.source, ends: false, minisocks: false }
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
        for row in self.waiting.drain(..) {
            apply(Event::Observed(row));
        }
        if Instant::now() >= self.next_look {
            self.look(|row| apply(Event::Observed(row)));
        }
        clock::now()
    }

    /// A last look tells what happened since the one before.
    fn finish(mut self, mut apply: impl FnMut(Event)) {
        self.look(|row| apply(Event::Observed(row)));
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
