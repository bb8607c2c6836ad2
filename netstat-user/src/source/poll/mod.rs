//! A source that polls the system's socket table at an interval. The table of connections finds out what changed.

mod owner_cache;
mod stop;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use rustc_hash::FxHashMap;
use tokio::time::{Instant, sleep_until};

pub use self::stop::Stop;

use self::owner_cache::OwnerCache;
use super::{EventSource, clock, memory};
use crate::model::{
    Event, Missing, Moment, Owner, Poll, SnapshotError, SnapshotKind, SocketHandle, SourceCapabilities,
    Started,
};

/// How long the first poll of a trace may take, however short the trace is: without it nothing is shown.
const FIRST_POLL: Duration = Duration::from_secs(2);
/// How long the last poll of a trace may take: the user waits for the end.
const LAST_POLL: Duration = Duration::from_millis(600);

/// Sockets with their owners; None where no scan has found one.
pub type Owners = FxHashMap<SocketHandle, Option<Arc<Owner>>>;

/// Reads the system's socket table.
pub trait Poller {
    /// All sockets that can be seen now, without their owners.
    ///
    /// # Errors
    /// The table can't be read at all, or `stop` is due: nothing is known about any socket.
    fn poll(&mut self, stop: &Stop) -> anyhow::Result<Poll>;

    /// Sets the owner of each of these sockets: the process that holds it, or None if it can't be found.
    ///
    /// # Errors
    /// The processes can't be read, or `stop` is due: the owners are what they were.
    fn find_owners(&mut self, owners: &mut Owners, stop: &Stop) -> anyhow::Result<()>;

    /// Whether the last poll has read the owners of all sockets beside the sockets.
    fn has_read_owners(&self) -> bool {
        false
    }

    /// The process with its present name; None if it has ended, even if another process has its id by now.
    fn refresh(&self, owner: &Owner) -> Option<Owner> {
        Some(*owner)
    }

    /// What the first poll could not see.
    fn missing(&self) -> Vec<Missing> {
        Vec::new()
    }
}

/// Polls once per interval, and spends at most half of the time in polls.
pub struct PollSource<P> {
    poller: P,
    owners: OwnerCache,
    started: Started,
    interval: Duration,
    next_poll: Instant,
    /// How long the last poll took, or had taken when it was stopped.
    took: Duration,
    /// When the trace ends, if that is known.
    ends: Option<Instant>,
    /// The first poll, until it is drained.
    first: Option<Event>,
}

impl<P: Poller> PollSource<P> {
    /// Takes the first poll, whose sockets become `existing` rows. Owners of at most `table_size` sockets are kept. The trace
    /// begins with that poll, and ends after `duration`, if that is known.
    pub fn start(
        poller: P,
        interval: Duration,
        duration: Option<Duration>,
        table_size: usize,
        started: Started,
    ) -> Self {
        let began = Instant::now();
        let mut source = Self {
            poller,
            owners: OwnerCache::new(table_size),
            started,
            interval,
            next_poll: began,
            took: Duration::ZERO,
            ends: duration.and_then(|duration| began.checked_add(duration)),
            first: None,
        };
        let until = source.ends.map(|ends| ends.max(began + FIRST_POLL));
        source.first = source.poll(&Stop::by_signal_or_at(until));
        // The scan for owners has taken some, and the table follows.
        memory::give_back();
        source.started.missing.extend(source.poller.missing());
        source
    }

    /// None if `stop` was due before the poll was complete; but at the end of the trace the sockets are shown without their owners
    /// if only these are missing.
    fn poll(&mut self, stop: &Stop) -> Option<Event> {
        let began = Instant::now();
        let event = self.poll_until(stop);
        self.took = began.elapsed();
        self.next_poll = (began + self.interval).max(began + 2 * self.took);
        event
    }

    fn poll_until(&mut self, stop: &Stop) -> Option<Event> {
        Some(match self.poller.poll(stop) {
            Ok(mut poll) => {
                let filled = self.owners.fill_in(&mut poll.sockets, &mut self.poller, stop);
                poll.is_cut |= filled.is_err() && stop.is_due();
                if poll.is_cut && !stop.is_late() {
                    return None;
                }
                poll.owners_error = filled.err().map(|error| explain(&error));
                Event::Poll(Box::new(poll))
            }
            Err(_) if stop.is_due() => return None,
            Err(error) => failed(explain(&error), true),
        })
    }
}

fn failed(why: String, may_recover: bool) -> Event {
    Event::PollFailed(SnapshotError { kind: SnapshotKind::Full, at: clock::now(), why, may_recover })
}

impl<P: Poller> EventSource for PollSource<P> {
    fn started(&self) -> Started {
        self.started.clone()
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            source: self.started.source,
            tuples: false,
            minisocks: false,
            resets_sent: false,
            syn_retransmits: false,
        }
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
        if let Some(first) = self.first.take() {
            apply(first);
            memory::give_back();
        }
        if Instant::now() >= self.next_poll {
            self.poll(&Stop::by_signal_or_at(self.ends)).into_iter().for_each(apply);
        }
        clock::now()
    }

    /// A last poll finds what changed since the one before, if there is time for it.
    fn finish(mut self, mut apply: impl FnMut(Event)) {
        self.first.take().into_iter().for_each(&mut apply);
        // The next one may have to look for new owners, too.
        let has_time = self.took.mul_f64(1.5) < LAST_POLL;
        let last = if has_time { self.poll(&Stop::at(Instant::now() + LAST_POLL)) } else { None };
        apply(last.unwrap_or_else(|| {
            let seconds = LAST_POLL.as_secs_f64();
            let why = format!("one at the end of the trace would take longer than {seconds} s");
            failed(why, false)
        }));
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
