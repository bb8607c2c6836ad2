//! When the ring's reader sleeps until it is woken, and when it just naps.
//!
//! A wakeup costs the traced host more than all the rest (an interrupt and two switches). The kernel
//! wakes the reader only for a record that finds the ring drained, so a reader that naps through a
//! storm is woken once a nap at most, and a lone event still wakes it at once.

use std::time::{Duration, Instant};

/// The first nap: as long as a person might wait for a row.
const SHORTEST_NAP: Duration = Duration::from_millis(1);
/// The longest nap, in a storm.
const LONGEST_NAP: Duration = Duration::from_millis(8);
/// Two wakeups closer than this are a storm's beginning.
const CLOSE_WAKEUPS: Duration = Duration::from_millis(2);
/// A nap that brought fewer events than this was the storm's last.
const FEW_EVENTS: usize = 4;

/// How the reader waits for the next events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until the kernel wakes it.
    Wakeup,
    /// For this long, whatever comes.
    Nap(Duration),
    /// Not at all: there is more.
    More,
}

/// The reader's pace.
#[derive(Debug)]
pub struct Pace {
    wait: Wait,
    last_wakeup: Option<Instant>,
}

impl Pace {
    /// Begins with the first wakeup.
    pub fn new() -> Self {
        Self { wait: Wait::Wakeup, last_wakeup: None }
    }

    /// How to wait now.
    pub fn wait(&self) -> Wait {
        self.wait
    }

    /// Decides after a drain that brought `events`, and was cut short if there is `more`.
    pub fn drained(&mut self, now: Instant, events: usize, more: bool) {
        self.wait = match self.wait {
            _ if more => Wait::More,
            Wait::Wakeup if events == 0 => Wait::Wakeup,
            Wait::Wakeup => {
                let close = self.last_wakeup.is_some_and(|last| now.duration_since(last) < CLOSE_WAKEUPS);
                self.last_wakeup = Some(now);
                if close { Wait::Nap(SHORTEST_NAP) } else { Wait::Wakeup }
            }
            Wait::Nap(_) if events < FEW_EVENTS => Wait::Wakeup,
            Wait::Nap(nap) => Wait::Nap((nap * 2).min(LONGEST_NAP)),
            Wait::More => Wait::Nap(LONGEST_NAP),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_events_are_waited_for_awake() {
        let mut pace = Pace::new();
        let start = Instant::now();
        for n in 0..10 {
            pace.drained(start + Duration::from_millis(10) * n, 1, false);
            assert_eq!(pace.wait(), Wait::Wakeup);
        }
    }

    #[test]
    fn a_storm_is_napped_through_and_its_end_is_noticed() {
        let mut pace = Pace::new();
        let start = Instant::now();
        pace.drained(start, 1, false);
        pace.drained(start + Duration::from_micros(50), 1, false);
        assert_eq!(pace.wait(), Wait::Nap(SHORTEST_NAP));
        for _ in 0..5 {
            pace.drained(start + Duration::from_millis(20), 1_000, false);
        }
        assert_eq!(pace.wait(), Wait::Nap(LONGEST_NAP));
        pace.drained(start + Duration::from_millis(30), 0, false);
        assert_eq!(pace.wait(), Wait::Wakeup);
    }

    #[test]
    fn a_drain_that_was_cut_short_goes_on_at_once() {
        let mut pace = Pace::new();
        pace.drained(Instant::now(), 10_000, true);
        assert_eq!(pace.wait(), Wait::More);
        pace.drained(Instant::now(), 10, false);
        assert_eq!(pace.wait(), Wait::Nap(LONGEST_NAP));
    }
}
