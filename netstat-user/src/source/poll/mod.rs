//! A source that polls the system's socket table at an interval. The table of connections finds out what changed.

mod owner_cache;

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::{Instant, sleep_until};

use self::owner_cache::OwnerCache;
use super::{EventSource, clock};
use crate::model::{
    Event, Moment, Owner, Poll, SnapshotError, SnapshotKind, SocketHandle, SourceCapabilities, Started,
};

/// Reads the system's socket table.
pub trait Poller {
    /// All sockets that can be seen now, without their owners.
    ///
    /// # Errors
    /// The table can't be read at all: nothing is known about any socket.
    fn poll(&mut self) -> anyhow::Result<Poll>;

    /// The processes that hold these sockets. A socket whose owner can't be found is left out.
    ///
    /// # Errors
    /// The processes can't be read: no owner can be found.
    fn owners(&mut self, handles: &FxHashSet<SocketHandle>)
    -> anyhow::Result<FxHashMap<SocketHandle, Owner>>;
}

/// Polls once per interval, and spends at most half of the time in polls.
pub struct PollSource<P> {
    poller: P,
    owners: OwnerCache,
    started: Started,
    interval: Duration,
    next_poll: Instant,
    /// The first poll, until it is drained.
    first: Option<Event>,
}

impl<P: Poller> PollSource<P> {
    /// Takes the first poll, whose sockets become `existing` rows. Owners of at most `table_size` sockets are kept.
    pub fn start(poller: P, interval: Duration, table_size: usize, started: Started) -> Self {
        let mut source = Self {
            poller,
            owners: OwnerCache::new(table_size),
            started,
            interval,
            next_poll: Instant::now(),
            first: None,
        };
        source.first = Some(source.poll());
        source
    }

    fn poll(&mut self) -> Event {
        let began = Instant::now();
        let event = match self.poller.poll() {
            Ok(mut poll) => {
                let filled = self.owners.fill_in(&mut poll.sockets, |handles| self.poller.owners(handles));
                poll.owners_error = filled.err().map(|error| explain(&error));
                Event::Poll(Box::new(poll))
            }
            Err(error) => Event::PollFailed(SnapshotError {
                kind: SnapshotKind::Full,
                at: clock::now(),
                why: explain(&error),
                may_recover: true,
            }),
        };
        let ended = Instant::now();
        self.next_poll = (began + self.interval).max(ended + (ended - began));
        event
    }
}

impl<P: Poller> EventSource for PollSource<P> {
    fn started(&self) -> Started {
        self.started.clone()
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { source: self.started.source, tuples: false, minisocks: false }
    }

    fn now(&self) -> Moment {
        clock::now()
    }

    async fn ready(&mut self) {
        if self.first.is_none() {
            sleep_until(self.next_poll).await;
        }
    }

    fn drain(&mut self, mut apply: impl FnMut(Event)) -> Moment {
        self.first.take().into_iter().for_each(&mut apply);
        if Instant::now() >= self.next_poll {
            apply(self.poll());
        }
        clock::now()
    }

    /// A last poll finds what changed since the one before.
    fn finish(mut self, mut apply: impl FnMut(Event)) {
        self.first.take().into_iter().for_each(&mut apply);
        apply(self.poll());
    }
}

/// One line for the user: what failed, why, and what to do where that is known.
fn explain(error: &anyhow::Error) -> String {
    #[cfg(target_os = "linux")]
    return crate::readers::errors::explain(error);
    #[cfg(not(target_os = "linux"))]
    return format!("{error:#}");
}

/// What no polling source can see, and why, in the words of [`Started::missing`].
pub(super) fn between_polls(interval: Duration, polled: &str) -> (&'static str, String) {
    let interval = interval.as_secs_f64();
    (
        "what happens between two polls",
        format!(
            "{polled} is polled every {interval} s: connections shorter than {interval} s are not seen, and of \
             several transitions only the last; --interval sets the time"
        ),
    )
}
