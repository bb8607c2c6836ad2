//! Connections whose owner is not known: when it is worth to ask who holds them.

use std::collections::VecDeque;

use crate::model::{ConnId, Moment, Owner, OwnerHow, Row};

/// How old a connection is when it is asked about, again and again, nanoseconds. A shorter life is
/// named by whoever closes it.
const AGES_NS: [u64; 4] = [50_000_000, 500_000_000, 5_000_000_000, 30_000_000_000];

/// The connections to ask about, a queue for each age; within one the oldest comes first.
#[derive(Debug, Default)]
pub(super) struct Questions {
    by_age: [VecDeque<Question>; AGES_NS.len()],
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) due_ns: u64,
    pub(super) key: u64,
    pub(super) conn: ConnId,
    born_ns: u64,
}

impl Questions {
    /// Notes a connection that has just been established, if its owner is not known for sure.
    pub(super) fn ask_later(&mut self, key: u64, row: &Row) {
        if is_open(row.owner) {
            let born_ns = row.at.mono_ns;
            self.by_age[0].push_back(Question { due_ns: born_ns + AGES_NS[0], key, conn: row.conn, born_ns });
        }
    }

    /// When the next is due.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        self.by_age.iter().filter_map(|queue| Some(queue.front()?.due_ns)).min()
    }

    /// Takes out what is due, and notes it again for the next age.
    pub(super) fn take_due(&mut self, now: Moment, still_open: impl Fn(&Question) -> bool) -> bool {
        let mut any = false;
        for age in 0..AGES_NS.len() {
            while let Some(question) =
                self.by_age[age].front().copied().filter(|next| next.due_ns <= now.mono_ns)
            {
                self.by_age[age].pop_front();
                if still_open(&question) {
                    any = true;
                    let next = (age + 1).min(AGES_NS.len() - 1);
                    let due_ns = now.mono_ns.max(question.born_ns) + AGES_NS[next];
                    self.by_age[next].push_back(Question { due_ns, ..question });
                }
            }
        }
        any
    }
}

/// Whether the owner is unknown, or only the listener's.
pub(super) fn is_open(owner: Option<Owner>) -> bool {
    owner.is_none_or(|owner| owner.how == OwnerHow::Listener)
}
