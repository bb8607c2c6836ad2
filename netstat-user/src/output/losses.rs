//! Counts of losses.

use crate::model::{LossKind, LossPlace};

/// How many events were lost, by place and kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    counts: [[u64; LossKind::ALL.len()]; LossPlace::ALL.len()],
}

impl Losses {
    /// Adds to one place and kind.
    pub fn add(&mut self, place: LossPlace, what: LossKind, count: u64) {
        self.counts[place as usize][what as usize] += count;
    }

    /// Adds all of another's.
    pub fn add_all(&mut self, other: &Self) {
        for (place, what, count) in other.iter() {
            self.add(place, what, count);
        }
    }

    /// The places and kinds with a loss.
    pub fn iter(&self) -> impl Iterator<Item = (LossPlace, LossKind, u64)> {
        let places = LossPlace::ALL.into_iter().zip(self.counts);
        places
            .flat_map(|(place, counts)| {
                LossKind::ALL.into_iter().zip(counts).map(move |(what, n)| (place, what, n))
            })
            .filter(|(_, _, count)| *count > 0)
    }

    /// The sum over all places and kinds.
    pub fn total(&self) -> u64 {
        self.counts.as_flattened().iter().sum()
    }
}
