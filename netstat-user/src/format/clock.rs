//! Formats time stamps. It caches the text of the last second, because many rows have the same second.

use std::fmt::Write;

use jiff::{Timestamp, tz::TimeZone};

const NANOS: i64 = 1_000_000_000;

/// Writes a kind of time stamps.
pub(super) struct Clock {
    zone: TimeZone,
    /// How [`jiff::fmt::strtime`] writes a second.
    format: &'static str,
    /// How many digits of the second's fraction follow.
    digits: usize,
    suffix: &'static str,
    second: Option<i64>,
    text: String,
    /// How much of the text belongs to the second.
    prefix: usize,
}

impl Clock {
    /// RFC 3339, UTC, nanoseconds.
    pub(super) fn rfc3339() -> Self {
        Self::new(TimeZone::UTC, "%Y-%m-%dT%H:%M:%S", 9, "Z")
    }

    /// Time of day with milliseconds; the system's zone is looked up once.
    pub(super) fn time_of_day(zone: TimeZone) -> Self {
        Self::new(zone, "%H:%M:%S", 3, "")
    }

    fn new(zone: TimeZone, format: &'static str, digits: usize, suffix: &'static str) -> Self {
        Self { zone, format, digits, suffix, second: None, text: String::new(), prefix: 0 }
    }

    /// The text of a moment, nanoseconds since 1970-01-01 UTC.
    pub(super) fn text(&mut self, unix_ns: i64) -> &str {
        let second = unix_ns.div_euclid(NANOS);
        if self.second != Some(second) {
            self.begin_second(second);
        }
        self.text.truncate(self.prefix);
        let mut fraction = [0; 9];
        let mut rest = unix_ns.rem_euclid(NANOS) as u32;
        for digit in fraction.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.text.extend(fraction[..self.digits].iter().map(|digit| char::from(*digit)));
        self.text.push_str(self.suffix);
        &self.text
    }

    fn begin_second(&mut self, second: i64) {
        // An i64 of nanoseconds reaches from 1677 to 2262, well within jiff's calendar.
        let time = Timestamp::from_second(second).unwrap_or_default().to_zoned(self.zone.clone());
        self.text.clear();
        // Writing to a String can't fail, and the formats are valid.
        let _ = write!(self.text, "{}.", time.strftime(self.format));
        self.prefix = self.text.len();
        self.second = Some(second);
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
    fn the_time_of_day_is_that_of_the_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        assert_eq!(Clock::time_of_day(zone).text(1_700_000_000_123_999_999), "07:13:20.123");
    }
}
