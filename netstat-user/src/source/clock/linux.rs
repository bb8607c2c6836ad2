//! Linux' clocks, as the kernel's own time stamps have them.

use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Result, anyhow};
use rustix::time::{ClockId, Timespec, clock_gettime};

use super::{time_namespace, wall_offset::WallOffset};
use crate::model::Moment;

/// How often the clocks are read again if the thread was interrupted between them.
const TRIES: usize = 4;
/// Reading three clocks takes less, unless the thread is interrupted.
const UNINTERRUPTED_NS: i64 = 1_000;

/// All threads share it, so that the time stamps of one trace have the same difference between the clocks.
static WALL_OFFSET: Mutex<WallOffset> = Mutex::new(WallOffset::new());

/// The present time by the clock of `bpf_ktime_get_ns`, which is CLOCK_MONOTONIC outside of time namespaces, and by
/// CLOCK_REALTIME.
pub fn now() -> Moment {
    let mut wall_offset = WALL_OFFSET.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut mono, mut offset) = read();
    for _ in 1..TRIES {
        if offset.1 - offset.0 <= UNINTERRUPTED_NS {
            break;
        }
        (mono, offset) = read();
    }
    let unix_ns = mono + wall_offset.update(offset.0, offset.1);
    // A namespace whose offset is not known shows its own clock. No event of the kernel is compared with it: `check`.
    let mono_ns = mono - namespace_offset_ns().as_ref().unwrap_or(&0);
    Moment { mono_ns: mono_ns.try_into().unwrap_or(0), unix_ns }
}

/// Checks that the kernel's time stamps can be compared with [`now`].
///
/// # Errors
/// The process is in a time namespace, and nothing tells by how much that shifts its clock.
pub fn check() -> Result<()> {
    namespace_offset_ns().as_ref().map_or_else(|why| Err(anyhow!("{why}")), |_| Ok(()))
}

/// By how much the time namespace shifts CLOCK_MONOTONIC. A process never changes its time namespace, except by exec.
fn namespace_offset_ns() -> &'static Result<i64, String> {
    static OFFSET_NS: OnceLock<Result<i64, String>> = OnceLock::new();
    OFFSET_NS.get_or_init(|| time_namespace::monotonic_offset_ns().map_err(|error| format!("{error:#}")))
}

/// CLOCK_MONOTONIC, and the bounds of CLOCK_REALTIME minus CLOCK_MONOTONIC.
fn read() -> (i64, (i64, i64)) {
    let before = nanoseconds(clock_gettime(ClockId::Monotonic));
    let unix = nanoseconds(clock_gettime(ClockId::Realtime));
    let after = nanoseconds(clock_gettime(ClockId::Monotonic));
    (after, (unix - after, unix - before))
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clocks_are_the_system_s() {
        let before = nanoseconds(clock_gettime(ClockId::Realtime));
        let (first, second) = (now(), now());
        let after = nanoseconds(clock_gettime(ClockId::Realtime));
        assert!(first.mono_ns <= second.mono_ns);
        // The kept difference of the clocks is exact to the time that reading them takes.
        let slack = 1_000_000;
        assert!(before - slack <= first.unix_ns && second.unix_ns <= after + slack, "{first:?} {second:?}");
    }
}
