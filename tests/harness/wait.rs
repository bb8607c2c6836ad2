//! Waiting: for a condition, with one generous deadline for all tests, and for the exclusive use of the process.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use rustix::time::{ClockId, clock_gettime};

/// How long any condition may take before the test fails. It is far above what the slowest machine needs; an emulated
/// CPU needs more.
pub fn deadline() -> Duration {
    Duration::from_secs(if is_slow() { 300 } else { 30 })
}

/// Whether the CPU is emulated, as `RNETSTAT_SLOW` says.
pub fn is_slow() -> bool {
    std::env::var_os("RNETSTAT_SLOW").is_some()
}

/// Waits until `is_so` returns a value, and returns it. An error at the deadline names `what`.
pub fn until<T>(what: &str, is_so: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    until_within(deadline(), what, is_so)
}

/// As [`until`], with another deadline.
pub fn until_within<T>(
    deadline: Duration,
    what: &str,
    mut is_so: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = is_so()? {
            return Ok(value);
        }
        if Instant::now() > end {
            bail!("waited {deadline:?} in vain until {what}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The clock of the output's `mono_ns`: CLOCK_MONOTONIC, nanoseconds.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    (now.tv_sec * 1_000_000_000 + now.tv_nsec).cast_unsigned()
}

/// Waits until no other test of this program has an exclusive turn. Others wait until the guard is dropped.
pub fn for_exclusive_turn() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
