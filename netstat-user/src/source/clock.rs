//! The machine's two clocks, read together.

use crate::model::Moment;

/// Now, by both clocks.
#[cfg(target_os = "linux")]
pub fn now() -> Moment {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    let nanoseconds = |time: Timespec| time.tv_sec * 1_000_000_000 + time.tv_nsec;
    let (mono, unix) = (clock_gettime(ClockId::Monotonic), clock_gettime(ClockId::Realtime));
    Moment { mono_ns: nanoseconds(mono).cast_unsigned(), unix_ns: nanoseconds(unix) }
}

/// The present time, by both clocks. Like Linux' CLOCK_MONOTONIC, the monotonic one stops while the machine is
/// suspended.
#[cfg(windows)]
pub fn now() -> Moment {
    use std::time::SystemTime;

    use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;

    /// The clock's unit is 100 ns.
    const UNIT_NS: u64 = 100;
    let mut units = 0;
    // SAFETY: the number is ours; the function only writes it.
    unsafe { QueryUnbiasedInterruptTime(&raw mut units) };
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Moment { mono_ns: units * UNIT_NS, unix_ns: i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX) }
}
