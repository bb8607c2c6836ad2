//! The rows of one drain come in the order of their times, though a processor was interrupted before it stamped a record.

use super::tests::{Batch, numbers, opens, options, run_script};
use crate::output::memory::MemoryOutput;

/// The times of the rows that go out for the events of these times, which one drain yields.
fn rows_of(times: impl Iterator<Item = u64>) -> Vec<u64> {
    let output = MemoryOutput::default();
    let batch = Batch { events: times.map(opens).collect(), ..Batch::default() };
    run_script(&options(), vec![batch], false, vec![Box::new(output.clone())]).0.unwrap();
    numbers(&output.rows())
}

#[test]
fn a_record_that_got_its_time_stamp_late_does_not_come_before_older_ones() {
    for late_ns in [0, 1_500, 300_500, 5_000_000, 80_000_000] {
        // The late record was reserved before the others, one for each microsecond.
        let others = (1..=2_000).map(|n| n * 1_000);
        let mut expected: Vec<u64> = others.clone().chain([late_ns]).collect();
        expected.sort_unstable();
        assert_eq!(rows_of([late_ns].into_iter().chain(others)), expected, "{late_ns} ns");
    }
}

#[test]
fn nor_does_one_in_the_midst_of_a_drain() {
    for place in [10, 63, 64, 65, 700, 1_999] {
        let late_ns = 40_000_000;
        let mut times: Vec<u64> = (1..=2_000).map(|n| n * 1_000).collect();
        times.insert(place, late_ns);
        let rows = rows_of(times.iter().copied());
        times.sort_unstable();
        assert_eq!(rows, times, "{place}");
    }
}
