//! Notes of what the main program has seen on a CPU, for the nested one to ask about.
//!
//! A softirq may interrupt either program, and bring any number of transitions. While it interrupts the nested one,
//! nobody asks about what the main one notes, so those notes pile up. The note of the outermost transition has a place
//! of its own: they can't push it out, which would tell that transition twice. The others lie in a ring. One is taken
//! out before the softirq that made it ends, so the place for the next goes back, as on a stack; what nobody asked
//! about lies above that place and is overwritten in time.
//!
//! The nested program may run on the same CPU at any instruction of the main one, and the main one at any of the nested:
//! each access is one instruction, and none of them depends on another's.

use crate::wire::{Note, SEEN, Seen, SeenNotes};

/// So many notes can't come of one softirq: the outermost is one that nobody will ask about any more.
const FORGOTTEN: u64 = 1 << 16;

impl SeenNotes {
    /// The main program has seen this transition.
    #[inline(always)]
    pub fn add(&self, seen: Seen) {
        let waiting = self.waiting.get();
        if self.outermost.sk.get() == 0 || waiting > FORGOTTEN {
            self.waiting.set(0);
            self.outermost.set(seen);
            return;
        }
        self.waiting.set(waiting + 1);
        let place = self.next.get() as usize;
        self.next.set((place + 1) as u64);
        self.notes[place % SEEN].set(seen);
    }

    /// Whether the main program has seen this transition; it is forgotten then.
    #[inline(always)]
    pub fn take(&self, seen: Seen) -> bool {
        if self.outermost.take(seen) {
            return true;
        }
        let next = self.next.get() as usize;
        // Nearly always the newest. It is an older one when a softirq interrupted the nested program before this line.
        for age in 1..=SEEN {
            let place = next.wrapping_sub(age);
            if self.notes[place % SEEN].take(seen) {
                self.next.set(place as u64);
                return true;
            }
        }
        false
    }

    /// As [`Self::take`], of notes that are another CPU's: it goes on meanwhile, and has noted nothing since that would still
    /// be asked about, or only what interrupted that.
    #[inline(always)]
    pub fn take_elsewhere(&self, seen: Seen) -> bool {
        let newest = (self.next.get() as usize).wrapping_sub(1);
        self.outermost.take(seen) || self.notes[newest % SEEN].take(seen)
    }
}

impl Note {
    #[inline(always)]
    fn set(&self, Seen { sk, what }: Seen) {
        self.what.set(what);
        self.sk.set(sk);
    }

    /// Frees the place if this note is there.
    #[inline(always)]
    fn take(&self, seen: Seen) -> bool {
        let is_here = self.sk.get() == seen.sk && self.what.get() == seen.what;
        if is_here {
            self.sk.set(0);
        }
        is_here
    }
}

#[cfg(test)]
mod tests {
    use core::array;

    use super::*;
    use crate::word::Word;

    fn no_notes() -> SeenNotes {
        SeenNotes {
            outermost: Note::default(),
            waiting: Word::default(),
            next: Word::default(),
            notes: array::from_fn(|_| Note::default()),
        }
    }

    fn seen(sk: u64) -> Seen {
        Seen { sk, what: 1 }
    }

    #[test]
    fn what_was_noted_is_taken_once() {
        let notes = no_notes();
        notes.add(seen(1));
        assert!(notes.take(seen(1)));
        assert!(!notes.take(seen(1)));
        assert!(!notes.take(seen(2)));
    }

    #[test]
    fn a_softirq_between_the_programs_takes_its_own() {
        let notes = no_notes();
        notes.add(seen(1));
        for sk in 2..10_000 {
            notes.add(seen(sk));
            assert!(notes.take(seen(sk)));
        }
        assert!(notes.take(seen(1)));
    }

    #[test]
    fn however_much_a_softirq_brings_before_the_nested_program_asks_it_finds_its_own() {
        let notes = no_notes();
        notes.add(seen(1));
        (2..10_000).for_each(|sk| notes.add(seen(sk)));
        assert!(notes.take(seen(1)));
        notes.add(seen(10_000));
        assert!(notes.take(seen(10_000)));
    }

    #[test]
    fn what_nobody_asked_about_gives_way_in_time() {
        let notes = no_notes();
        // The softirq came after the nested program had asked, and before it ended.
        notes.add(seen(1));
        for sk in 2..FORGOTTEN + 10 {
            notes.add(seen(sk));
            assert!(notes.take(seen(sk)), "{sk}");
        }
        notes.add(seen(1));
        (2..1_000).for_each(|sk| notes.add(seen(sk)));
        assert!(notes.take(seen(1)));
    }

    #[test]
    fn the_note_of_a_task_that_went_on_elsewhere_is_found_while_the_cpu_goes_on_with_others() {
        let notes = no_notes();
        for first in [1, 100, 1_000] {
            notes.add(seen(first));
            for sk in first + 1..first + 50 {
                notes.add(seen(sk));
                assert!(notes.take(seen(sk)));
            }
            assert!(notes.take_elsewhere(seen(first)));
            assert!(!notes.take_elsewhere(seen(first)) && !notes.take(seen(first)));
        }
        // Nobody asked about this one: the next is not the outermost.
        notes.add(seen(2_000));
        notes.add(seen(2_001));
        assert!(notes.take_elsewhere(seen(2_001)) && !notes.take_elsewhere(seen(2_002)));
    }
}
