//! When it is worth to ask who holds a connection: its owner is not known, or has accepted it and may have handed it
//! on since.

use std::collections::VecDeque;

use crate::model::{ConnId, Moment, Owner, OwnerHow, Row};

/// How old a connection is when it is asked about, again and again, nanoseconds. A shorter life is named by whoever
/// closes it. One that is known to be accepted is asked about once, not at the first age.
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
    /// Notes a connection that has just been established, unless its owner is known for sure.
    pub(super) fn ask_later(&mut self, key: u64, row: &Row) {
        if is_open(row.owner) || has_accepted(row.owner) {
            let born_ns = row.at.mono_ns;
            self.by_age[0].push_back(Question { due_ns: born_ns + AGES_NS[0], key, conn: row.conn, born_ns });
        }
    }

    /// When the next is due.
    pub(super) fn next_due_ns(&self) -> Option<u64> {
        self.by_age.iter().filter_map(|queue| Some(queue.front()?.due_ns)).min()
    }

    /// Takes out what is due, and notes it again for the next age; whether there is anything to ask. `owner` tells
    /// the owner of a connection that still is.
    pub(super) fn take_due(
        &mut self,
        now: Moment,
        owner: impl Fn(&Question) -> Option<Option<Owner>>,
    ) -> bool {
        let mut any = false;
        for age in 0..AGES_NS.len() {
            while let Some(question) =
                self.by_age[age].front().copied().filter(|next| next.due_ns <= now.mono_ns)
            {
                self.by_age[age].pop_front();
                let Some(owner) = owner(&question) else { continue };
                let waits = age == 0 && has_accepted(owner);
                any |= is_open(owner) || (has_accepted(owner) && !waits);
                if is_open(owner) || waits {
                    let next = (age + 1).min(AGES_NS.len() - 1);
                    let due_ns = now.mono_ns.max(question.born_ns) + AGES_NS[next];
                    self.by_age[next].push_back(Question { due_ns, ..question });
                }
            }
        }
        any
    }
}

/// Whether the owner is the one that has accepted the connection.
fn has_accepted(owner: Option<Owner>) -> bool {
    owner.is_some_and(|owner| owner.how == OwnerHow::Accept)
}

/// Whether the owner is unknown, or only the listener's.
pub(super) fn is_open(owner: Option<Owner>) -> bool {
    owner.is_none_or(|owner| owner.how == OwnerHow::Listener)
}
