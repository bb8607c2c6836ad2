//! Which transitions the main program has recorded on a CPU, so that the nested program records only the others.
//!
//! A softirq can interrupt either program and cause any number of transitions. While it interrupts the nested program,
//! the kernel skips that program, so nothing looks up what the main program adds, and entries pile up. The outermost
//! transition therefore has an entry of its own, which they can't overwrite: it would be recorded twice otherwise. The
//! others are in a ring. An entry is looked up before the softirq that added it ends, so taking it moves `next` back, as
//! on a stack. Entries that nothing looks up stay above `next` and are overwritten in time.
//!
//! On one CPU the nested program can run between any two instructions of the main program, and the main program between
//! any two of the nested. So each access is one instruction, and no access depends on the result of another.

use crate::wire::{DEDUP_ENTRIES, DedupEntry, DedupLog, TransitionKey, state};

/// After this many later entries the outermost entry is stale. One softirq can't add that many, so no program will still
/// look the entry up.
const STALE_AFTER: u64 = 1 << 16;

impl DedupLog {
    /// Adds a transition that the main program has recorded.
    #[inline(always)]
    pub fn add(&self, key: TransitionKey) {
        let added = self.added.get();
        if self.outermost.sk.get() == 0 || added > STALE_AFTER {
            self.added.set(0);
            self.outermost.set(key);
            return;
        }
        self.added.set(added + 1);
        let index = self.next.get() as usize;
        self.next.set((index + 1) as u64);
        self.nested[index % DEDUP_ENTRIES].set(key);
    }

    /// Removes a transition; returns whether it was there.
    #[inline(always)]
    pub fn take(&self, key: TransitionKey) -> bool {
        if self.outermost.take(key) {
            return true;
        }
        let next = self.next.get() as usize;
        // It is the newest entry, unless a softirq interrupted the nested program before this line.
        for age in 1..=DEDUP_ENTRIES {
            let index = next.wrapping_sub(age);
            if self.nested[index % DEDUP_ENTRIES].take(key) {
                self.next.set(index as u64);
                return true;
            }
        }
        false
    }

    /// As [`Self::take`], on the log of another CPU, whose programs run meanwhile. It checks only the outermost and the
    /// newest entry: since the transition was added, that CPU has added none that is still to be looked up, except by
    /// transitions that interrupted it.
    #[inline(always)]
    pub fn take_from_other_cpu(&self, key: TransitionKey) -> bool {
        let newest = (self.next.get() as usize).wrapping_sub(1);
        self.outermost.take(key) || self.nested[newest % DEDUP_ENTRIES].take(key)
    }
}

impl DedupLog {
    /// Whether the transition that was added last created a child: it left LISTEN, and not for CLOSE. Taking an entry
    /// leaves its states in place.
    #[inline(always)]
    pub fn last_is_new_child(&self) -> bool {
        let last_nested = self.next.get() as usize;
        self.outermost.is_new_child() || self.nested[last_nested % DEDUP_ENTRIES].is_new_child()
    }
}

impl DedupEntry {
    /// The key has the old state in its highest four bits, and the new one in the next four.
    #[inline(always)]
    fn is_new_child(&self) -> bool {
        let states = self.states_and_cookie.get() >> 56;
        states >> 4 == u64::from(state::LISTEN) && states & 15 != u64::from(state::CLOSE)
    }

    #[inline(always)]
    fn set(&self, TransitionKey { sk, states_and_cookie }: TransitionKey) {
        self.states_and_cookie.set(states_and_cookie);
        self.sk.set(sk);
    }

    /// Frees the entry if it has this key; returns whether it had.
    #[inline(always)]
    fn take(&self, key: TransitionKey) -> bool {
        let is_equal = self.sk.get() == key.sk && self.states_and_cookie.get() == key.states_and_cookie;
        if is_equal {
            self.sk.set(0);
        }
        is_equal
    }
}

#[cfg(test)]
mod tests {
    use core::array;

    use super::*;
    use crate::volatile::VolatileU64;

    fn empty() -> DedupLog {
        DedupLog {
            outermost: DedupEntry::default(),
            added: VolatileU64::default(),
            next: VolatileU64::default(),
            nested: array::from_fn(|_| DedupEntry::default()),
        }
    }

    fn key(sk: u64) -> TransitionKey {
        TransitionKey { sk, states_and_cookie: 1 }
    }

    #[test]
    fn a_recorded_transition_is_found_once() {
        let log = empty();
        log.add(key(1));
        assert!(log.take(key(1)));
        assert!(!log.take(key(1)));
        assert!(!log.take(key(2)));
    }

    #[test]
    fn transitions_of_a_softirq_between_the_two_programs_do_not_hide_the_interrupted_one() {
        let log = empty();
        log.add(key(1));
        for sk in 2..10_000 {
            log.add(key(sk));
            assert!(log.take(key(sk)));
        }
        assert!(log.take(key(1)));
    }

    #[test]
    fn any_number_of_entries_that_nothing_looks_up_does_not_hide_the_outermost_transition() {
        let log = empty();
        log.add(key(1));
        (2..10_000).for_each(|sk| log.add(key(sk)));
        assert!(log.take(key(1)));
        log.add(key(10_000));
        assert!(log.take(key(10_000)));
    }

    #[test]
    fn a_stale_outermost_entry_is_replaced_in_time() {
        let log = empty();
        // A softirq added it after the nested program had looked up its own transition, and before that program ended.
        log.add(key(1));
        for sk in 2..STALE_AFTER + 10 {
            log.add(key(sk));
            assert!(log.take(key(sk)), "{sk}");
        }
        log.add(key(1));
        (2..1_000).for_each(|sk| log.add(key(sk)));
        assert!(log.take(key(1)));
    }

    #[test]
    fn a_new_child_is_the_last_transition_until_the_next_one() {
        let key = |old: u8, new: u8| TransitionKey {
            sk: 1,
            states_and_cookie: 77 ^ (u64::from(old) << 60 | u64::from(new) << 56),
        };
        let child = key(state::LISTEN, state::SYN_RECV);
        for nested in [false, true] {
            let log = empty();
            if nested {
                log.add(key(state::CLOSE, state::SYN_SENT));
            }
            assert!(!log.last_is_new_child());
            log.add(child);
            assert!(log.take(child) && log.last_is_new_child());
            for other in [key(state::SYN_RECV, 1), key(state::LISTEN, state::CLOSE)] {
                log.add(other);
                assert!(log.take(other) && !log.last_is_new_child());
            }
        }
    }

    #[test]
    fn the_transition_of_a_task_that_moved_to_another_cpu_is_found_in_the_log_of_the_first() {
        let log = empty();
        for first in [1, 100, 1_000] {
            log.add(key(first));
            for sk in first + 1..first + 50 {
                log.add(key(sk));
                assert!(log.take(key(sk)));
            }
            assert!(log.take_from_other_cpu(key(first)));
            assert!(!log.take_from_other_cpu(key(first)) && !log.take(key(first)));
        }
        // Nothing looks this one up, so the next is not the outermost.
        log.add(key(2_000));
        log.add(key(2_001));
        assert!(log.take_from_other_cpu(key(2_001)) && !log.take_from_other_cpu(key(2_002)));
    }
}
