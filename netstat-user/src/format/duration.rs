//! How long, in the unit that a person would choose.

use std::fmt;

/// A time in nanoseconds, shown with three digits or as two units; cut, never rounded up.
pub(super) struct HumanDuration(pub(super) u64);

const MICRO: u64 = 1_000;
const MILLI: u64 = 1_000 * MICRO;
const SECOND: u64 = 1_000 * MILLI;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ns if ns < MICRO => write!(f, "{ns} ns"),
            ns if ns < MILLI => three_digits(f, ns, MICRO, "µs"),
            ns if ns < SECOND => three_digits(f, ns, MILLI, "ms"),
            ns if ns < MINUTE => three_digits(f, ns, SECOND, "s"),
            ns if ns < HOUR => write!(f, "{} m {:02} s", ns / MINUTE, ns % MINUTE / SECOND),
            ns if ns < DAY => write!(f, "{} h {:02} m", ns / HOUR, ns % HOUR / MINUTE),
            ns => write!(f, "{} d {:02} h", ns / DAY, ns % DAY / HOUR),
        }
    }
}

fn three_digits(f: &mut fmt::Formatter<'_>, ns: u64, unit: u64, name: &str) -> fmt::Result {
    let whole = ns / unit;
    let thousandths = ns % unit / (unit / 1_000);
    match whole {
        0..10 => write!(f, "{whole}.{:02} {name}", thousandths / 10),
        10..100 => write!(f, "{whole}.{} {name}", thousandths / 100),
        _ => write!(f, "{whole} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_has_its_unit() {
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (15_300, "15.3 µs"),
            (850_000, "850 µs"),
            (999_999, "999 µs"),
            (1_000_000, "1.00 ms"),
            (22_149_000, "22.1 ms"),
            (999_999_999, "999 ms"),
            (2_360_000_000, "2.36 s"),
            (59_999_999_999, "59.9 s"),
            (64_000_000_000, "1 m 04 s"),
            (3_599_999_999_999, "59 m 59 s"),
            (11_520_000_000_000, "3 h 12 m"),
            (2 * DAY + 5 * HOUR, "2 d 05 h"),
            (u64::MAX, "213503 d 23 h"),
        ] {
            assert_eq!(HumanDuration(ns).to_string(), text);
        }
    }
}
