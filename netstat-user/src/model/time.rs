//! A point in time, by the kernel's two clocks.

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// CLOCK_REALTIME, nanoseconds since 1970-01-01 UTC.
    pub unix_ns: i64,
}

impl Moment {
    /// The earlier moment at this time of CLOCK_MONOTONIC (nanoseconds); this one if that is later.
    pub fn earlier(self, mono_ns: u64) -> Self {
        let earlier_ns = self.mono_ns.saturating_sub(mono_ns);
        Self { mono_ns: self.mono_ns - earlier_ns, unix_ns: self.unix_ns - earlier_ns.cast_signed() }
    }

    /// The later moment at this time of CLOCK_MONOTONIC (nanoseconds); this one if that is earlier.
    pub fn later(self, mono_ns: u64) -> Self {
        let later_ns = mono_ns.saturating_sub(self.mono_ns);
        Self { mono_ns: self.mono_ns + later_ns, unix_ns: self.unix_ns + later_ns.cast_signed() }
    }
}
