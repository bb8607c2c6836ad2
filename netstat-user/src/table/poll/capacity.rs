//! What happens to polled sockets that the full table can't take.
//!
//! Nothing is reported about a socket that is rejected: the next poll would report it again as new. Once there is
//! capacity again, the sockets that were rejected before can't be told from new ones: they are adopted without a row.

/// Counts the sockets of the last two polls that the table didn't take.
#[derive(Debug, Default)]
pub(super) struct Capacity {
    rejected_before: u64,
    rejected: u64,
    adopted: u64,
}

/// What happens to a socket that is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It is new: it enters the table with a row.
    New,
    /// It may have been rejected before: it enters the table without a row.
    Adopted,
    /// The table is full.
    Rejected,
}

impl Capacity {
    /// Begins another poll.
    pub(super) fn begin_poll(&mut self) {
        self.rejected_before = std::mem::take(&mut self.rejected);
        self.adopted = 0;
    }

    /// Decides about a socket that is not in the table.
    pub(super) fn admit(&mut self, is_full: bool) -> Admission {
        if is_full {
            self.rejected += 1;
            Admission::Rejected
        } else if self.rejected_before > 0 {
            self.adopted += 1;
            Admission::Adopted
        } else {
            Admission::New
        }
    }

    /// The least number of sockets that are new in this poll and have no row. Which ones they are is not known.
    pub(super) fn unreported(&self) -> u64 {
        (self.adopted + self.rejected).saturating_sub(self.rejected_before)
    }
}
