//! Times as text: time stamps, and durations for people.

use std::fmt::{self, Write};

use jiff::{Timestamp, tz::TimeZone};

const NANOS: i64 = 1_000_000_000;

/// Formats time stamps. It keeps the text of the last second, because consecutive rows mostly share it.
pub(super) struct Clock {
    zone: TimeZone,
    /// Format of the text up to the second, for [`jiff::fmt::strtime`].
    format: &'static str,
    /// Number of fractional digits.
    digits: usize,
    suffix: &'static str,
    second: Option<i64>,
    text: String,
    /// Length of the part of `text` that is the same for the whole second, bytes.
    prefix: usize,
}

impl Clock {
    /// RFC 3339, UTC, nanoseconds.
    pub(super) fn rfc3339() -> Self {
        Self::new(TimeZone::UTC, "%Y-%m-%dT%H:%M:%S", 9, "Z")
    }

    /// Time of day with milliseconds, in a time zone.
    pub(super) fn time_of_day(zone: TimeZone) -> Self {
        Self::new(zone, "%H:%M:%S", 3, "")
    }

    fn new(zone: TimeZone, format: &'static str, digits: usize, suffix: &'static str) -> Self {
        Self { zone, format, digits, suffix, second: None, text: String::new(), prefix: 0 }
    }

    /// The text of a time in nanoseconds since 1970-01-01 UTC.
    pub(super) fn text(&mut self, unix_ns: i64) -> &str {
        let second = unix_ns.div_euclid(NANOS);
        if self.second != Some(second) {
            self.begin_second(second);
        }
        self.text.truncate(self.prefix);
        let mut fraction = [0; 9];
        let mut digits = unix_ns.rem_euclid(NANOS) as u32;
        for digit in fraction.iter_mut().rev() {
            *digit = b'0' + (digits % 10) as u8;
            digits /= 10;
        }
        self.text.extend(fraction[..self.digits].iter().map(|digit| char::from(*digit)));
        self.text.push_str(self.suffix);
        &self.text
    }

    fn begin_second(&mut self, second: i64) {
        // An i64 of nanoseconds covers the years 1677 to 2262, which jiff supports.
        let time = Timestamp::from_second(second).unwrap_or_default().to_zoned(self.zone.clone());
        self.text.clear();
        // Writing to a String does not fail, and the formats are valid.
        let _ = write!(self.text, "{}.", time.strftime(self.format));
        self.prefix = self.text.len();
        self.second = Some(second);
    }
}

/// A duration in nanoseconds, shown with three significant digits or in two units; truncated, not rounded.
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
    fn rfc_3339_has_nine_digits_and_is_utc() {
        let mut clock = Clock::rfc3339();
        for (unix_ns, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (1, "1970-01-01T00:00:00.000000001Z"),
            (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
            (1_700_000_000_999_999_999, "2023-11-14T22:13:20.999999999Z"),
            (1_700_000_001_000_000_000, "2023-11-14T22:13:21.000000000Z"),
            (1_700_000_000_000_000_010, "2023-11-14T22:13:20.000000010Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        ] {
            assert_eq!(clock.text(unix_ns), text);
        }
    }

    #[test]
    fn the_time_of_day_is_in_the_given_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        assert_eq!(Clock::time_of_day(zone).text(1_700_000_000_123_999_999), "07:13:20.123");
    }

    #[test]
    fn a_duration_has_the_unit_that_fits_its_length() {
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
