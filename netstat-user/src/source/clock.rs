//! The machine's two clocks, read together.

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::model::Moment;

/// Now, by both clocks.
pub fn now() -> Moment {
    let (mono, unix) = (clock_gettime(ClockId::Monotonic), clock_gettime(ClockId::Realtime));
    Moment { mono_ns: nanoseconds(mono).cast_unsigned(), unix_ns: nanoseconds(unix) }
}

fn nanoseconds(time: Timespec) -> i64 {
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}
