//! The difference between CLOCK_REALTIME and CLOCK_MONOTONIC.
//!
//! Both are the same clock in the kernel, plus `wall_to_monotonic` (`struct timekeeper`, kernel/time/timekeeping.c): NTP
//! slews both alike. The difference changes only when CLOCK_REALTIME is set, in a leap second, and by the time that
//! the machine was suspended. So one value serves until a measurement contradicts it, and the time stamps of a trace
//! have the distances that the kernel measured, however imprecise each measurement is.

/// The difference, and what is known about it, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallOffset {
    /// None before the first measurement.
    value: Option<i64>,
}

impl WallOffset {
    pub(super) const fn new() -> Self {
        Self { value: None }
    }

    /// A measurement: the difference is not less than `least`, and not more than `most`. Returns the difference.
    pub(super) fn update(&mut self, least: i64, most: i64) -> i64 {
        let value = match self.value {
            Some(value) if (least..=most).contains(&value) => value,
            // The first measurement, a better one, or CLOCK_REALTIME has stepped.
            _ => least + (most - least) / 2,
        };
        self.value = Some(value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    #[test]
    fn measurements_that_do_not_contradict_it_leave_it_as_it_is() {
        let mut offset = WallOffset::new();
        let first = offset.update(1_000, 1_100);
        assert_eq!(first, 1_050);
        for (least, most) in [(1_040, 1_060), (0, 50_000_000), (1_050, 1_200), (900, 1_050)] {
            assert_eq!(offset.update(least, most), first);
        }
    }

    #[test]
    fn a_wall_clock_that_is_set_and_a_suspended_machine_change_it_at_once() {
        let mut offset = WallOffset::new();
        offset.update(1_000, 1_100);
        for step in [HOUR, -HOUR, 10 * HOUR, -400 * 24 * HOUR, 1_000_000_000, 200] {
            assert_eq!(offset.update(1_000 + step, 1_100 + step), 1_050 + step);
        }
    }

    #[test]
    fn a_better_measurement_corrects_a_first_one_that_was_interrupted() {
        let mut offset = WallOffset::new();
        offset.update(0, 30_000_000);
        assert_eq!(offset.update(1_000, 1_100), 1_050);
        assert_eq!(offset.update(500, 2_000), 1_050);
    }

    #[test]
    fn a_clock_before_1970_is_possible() {
        let mut offset = WallOffset::new();
        assert_eq!(offset.update(-5 * HOUR, -5 * HOUR + 100), -5 * HOUR + 50);
    }
}
