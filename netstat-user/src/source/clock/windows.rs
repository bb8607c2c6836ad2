//! Windows' clocks.

use std::time::SystemTime;

use windows_sys::Win32::System::WindowsProgramming::QueryUnbiasedInterruptTime;

use crate::model::Moment;

/// The monotonic clock's unit is 100 ns.
const UNIT_NS: u64 = 100;

/// The present time, by both clocks. Like Linux' CLOCK_MONOTONIC, the monotonic one stops while the machine is
/// suspended.
pub fn now() -> Moment {
    let mut units = 0;
    // SAFETY: the number is ours; the function only writes it.
    unsafe { QueryUnbiasedInterruptTime(&raw mut units) };
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Moment { mono_ns: units * UNIT_NS, unix_ns: i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX) }
}
