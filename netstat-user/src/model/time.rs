//! A point in time, by the kernel's two clocks.

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// CLOCK_REALTIME, nanoseconds since 1970-01-01 UTC.
    pub unix_ns: i64,
}
