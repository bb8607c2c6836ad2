//! When the ring's reader waits for a wakeup by the kernel, and when it sleeps for a fixed time instead.
//!
//! A wakeup (an interrupt and two context switches) costs the traced host more than recording the event does. The kernel
//! wakes the reader only for a record that finds the ring empty. So a reader that sleeps for a fixed time during a burst
//! causes no wakeups, and a single event after a quiet time still wakes it at once.

use std::time::{Duration, Instant};

/// The first sleep: a delay that nobody notices.
const MIN_SLEEP: Duration = Duration::from_millis(1);
/// The longest sleep, in a burst.
const MAX_SLEEP: Duration = Duration::from_millis(8);
/// Two wakeups within this time start a burst.
const BURST_WAKEUPS: Duration = Duration::from_millis(2);
/// A sleep after which fewer events than these are there ends a burst.
const FEW_EVENTS: usize = 4;

/// How the reader waits for the next events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until the kernel wakes it.
    Wakeup,
    /// For this time, whatever happens.
    Sleep(Duration),
    /// Only until other tasks of the runtime have run: there are more events.
    Yield,
}

/// Decides how the reader waits, from how many events each drain finds.
#[derive(Debug)]
pub struct WakeupPolicy {
    wait: Wait,
    last_wakeup: Option<Instant>,
}

impl WakeupPolicy {
    /// Starts with waiting for a wakeup.
    pub fn new() -> Self {
        Self { wait: Wait::Wakeup, last_wakeup: None }
    }

    /// How to wait now.
    pub fn wait(&self) -> Wait {
        self.wait
    }

    /// Decides how to wait after a drain of `events` events; `more` if it stopped before the last one.
    pub fn drained(&mut self, now: Instant, events: usize, more: bool) {
        self.wait = match self.wait {
            _ if more => Wait::Yield,
            Wait::Wakeup if events == 0 => Wait::Wakeup,
            Wait::Wakeup => {
                let is_burst = self.last_wakeup.is_some_and(|last| now.duration_since(last) < BURST_WAKEUPS);
                self.last_wakeup = Some(now);
                if is_burst { Wait::Sleep(MIN_SLEEP) } else { Wait::Wakeup }
            }
            Wait::Sleep(_) if events < FEW_EVENTS => Wait::Wakeup,
            Wait::Sleep(time) => Wait::Sleep((time * 2).min(MAX_SLEEP)),
            Wait::Yield => Wait::Sleep(MAX_SLEEP),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_waits_for_a_wakeup_between_single_events() {
        let mut policy = WakeupPolicy::new();
        let start = Instant::now();
        for n in 0..10 {
            policy.drained(start + Duration::from_millis(10) * n, 1, false);
            assert_eq!(policy.wait(), Wait::Wakeup);
        }
    }

    #[test]
    fn the_reader_sleeps_during_a_burst_and_waits_for_a_wakeup_after_it() {
        let mut policy = WakeupPolicy::new();
        let start = Instant::now();
        policy.drained(start, 1, false);
        policy.drained(start, 0, false);
        policy.drained(start + Duration::from_micros(50), 1, false);
        assert_eq!(policy.wait(), Wait::Sleep(MIN_SLEEP));
        for _ in 0..5 {
            policy.drained(start + Duration::from_millis(20), 1_000, false);
        }
        assert_eq!(policy.wait(), Wait::Sleep(MAX_SLEEP));
        policy.drained(start + Duration::from_millis(30), 0, false);
        assert_eq!(policy.wait(), Wait::Wakeup);
    }

    #[test]
    fn the_reader_waits_for_a_wakeup_once_few_events_come_while_it_sleeps() {
        let mut policy = WakeupPolicy::new();
        let start = Instant::now();
        policy.drained(start, 1, false);
        policy.drained(start, 1, false);
        assert_eq!(policy.wait(), Wait::Sleep(MIN_SLEEP));
        policy.drained(start, FEW_EVENTS, false);
        assert_eq!(policy.wait(), Wait::Sleep(2 * MIN_SLEEP));
        policy.drained(start, FEW_EVENTS - 1, false);
        assert_eq!(policy.wait(), Wait::Wakeup);
    }

    #[test]
    fn the_reader_does_not_wait_after_a_drain_that_stopped_before_the_last_event() {
        let mut policy = WakeupPolicy::new();
        policy.drained(Instant::now(), 10_000, true);
        assert_eq!(policy.wait(), Wait::Yield);
        policy.drained(Instant::now(), 10, false);
        assert_eq!(policy.wait(), Wait::Sleep(MAX_SLEEP));
    }
}
