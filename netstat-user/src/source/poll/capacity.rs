//! The bound of what is remembered, and what isn't told for its sake.
//!
//! Of a socket that finds no room nothing is told: the next look would tell it again as new. When there is room
//! again, nobody knows which of the strangers have been left out before and which are new: they are taken over
//! without a row.

/// How many may be remembered, and what became of those of the last look that were not.
#[derive(Debug)]
pub(super) struct Capacity {
    limit: usize,
    left_out_before: u64,
    left_out: u64,
    taken_over: u64,
}

/// What becomes of a socket that is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stranger {
    /// It is new: remembered and told.
    Comes,
    /// It may have been there before: remembered, not told.
    TakenOver,
    /// Neither.
    LeftOut,
}

impl Capacity {
    /// For at most so many.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, left_out_before: 0, left_out: 0, taken_over: 0 }
    }

    /// Another look begins.
    pub(super) fn begin(&mut self) {
        self.left_out_before = std::mem::take(&mut self.left_out);
        self.taken_over = 0;
    }

    /// Whether there is room beside those that are remembered.
    pub(super) fn is_left(&self, remembered: usize) -> bool {
        remembered < self.limit
    }

    /// Decides about a stranger.
    pub(super) fn admit(&mut self, remembered: usize) -> Stranger {
        if !self.is_left(remembered) {
            self.left_out += 1;
            Stranger::LeftOut
        } else if self.left_out_before > 0 {
            self.taken_over += 1;
            Stranger::TakenOver
        } else {
            Stranger::Comes
        }
    }

    /// How many of the look's strangers must be new, though it isn't known which.
    pub(super) fn untold(&self) -> u64 {
        (self.taken_over + self.left_out).saturating_sub(self.left_out_before)
    }
}
