//! Notes of what the main program has seen on a CPU, for the nested one to ask about.
//!
//! A softirq may interrupt either program, and bring any number of transitions. While it interrupts the nested one,
//! nobody asks about what the main one notes, so those notes pile up. The note of the outermost transition has a place
//! of its own: they can't push it out, which would tell that transition twice. The others lie in a ring. One is taken
//! out before the softirq that made it ends, so the place for the next goes back, as on a stack; what nobody asked
//! about lies above that place and is overwritten in time.

use crate::wire::{SEEN, Seen, SeenNotes};

/// So many notes can't come of one softirq: the outermost is one that nobody will ask about any more.
const FORGOTTEN: u64 = 1 << 16;

/// One CPU's notes. The nested program may run on the same CPU at any instruction of the main one, and the main one at
/// any of the nested, so each access is volatile.
#[derive(Clone, Copy)]
pub struct Notes(*mut SeenNotes);

impl Notes {
    /// # Safety
    /// The pointer is valid as long as the value is used, and only this CPU uses what it points to.
    #[inline(always)]
    pub unsafe fn new(notes: *mut SeenNotes) -> Self {
        Self(notes)
    }

    /// The main program has seen this transition.
    #[inline(always)]
    pub fn add(self, seen: Seen) {
        if self.outermost().sk == 0 || self.waiting() > FORGOTTEN {
            self.set_waiting(0);
            self.set_outermost(seen);
            return;
        }
        self.set_waiting(self.waiting() + 1);
        let place = self.next();
        self.set_next(place + 1);
        self.set(place, seen);
    }

    /// Whether the main program has seen this transition; it is forgotten then.
    #[inline(always)]
    pub fn take(self, seen: Seen) -> bool {
        let outermost = self.outermost();
        if outermost.sk == seen.sk && outermost.what == seen.what {
            self.set_outermost(Seen::default());
            return true;
        }
        let next = self.next();
        // Nearly always the newest. It is an older one when a softirq interrupted the nested program before this line.
        for age in 1..=SEEN {
            let place = next.wrapping_sub(age);
            let found = self.get(place);
            if found.sk == seen.sk && found.what == seen.what {
                self.set(place, Seen::default());
                self.set_next(place);
                return true;
            }
        }
        false
    }

    #[inline(always)]
    fn outermost(self) -> Seen {
        // SAFETY: `new` asks for a valid pointer.
        unsafe { (&raw const (*self.0).outermost).read_volatile() }
    }

    #[inline(always)]
    fn set_outermost(self, seen: Seen) {
        // SAFETY: as in `outermost`.
        unsafe { (&raw mut (*self.0).outermost).write_volatile(seen) }
    }

    #[inline(always)]
    fn waiting(self) -> u64 {
        // SAFETY: as in `outermost`.
        unsafe { (&raw const (*self.0).waiting).read_volatile() }
    }

    #[inline(always)]
    fn set_waiting(self, waiting: u64) {
        // SAFETY: as in `outermost`.
        unsafe { (&raw mut (*self.0).waiting).write_volatile(waiting) }
    }

    #[inline(always)]
    fn get(self, place: usize) -> Seen {
        // SAFETY: as in `outermost`, and the index is below SEEN.
        unsafe { (&raw const (*self.0).notes[place % SEEN]).read_volatile() }
    }

    #[inline(always)]
    fn set(self, place: usize, seen: Seen) {
        // SAFETY: as in `get`.
        unsafe { (&raw mut (*self.0).notes[place % SEEN]).write_volatile(seen) }
    }

    #[inline(always)]
    fn next(self) -> usize {
        // SAFETY: as in `outermost`.
        unsafe { (&raw const (*self.0).next).read_volatile() as usize }
    }

    #[inline(always)]
    fn set_next(self, place: usize) {
        // SAFETY: as in `outermost`.
        unsafe { (&raw mut (*self.0).next).write_volatile(place as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_notes(play: impl FnOnce(Notes)) {
        let empty = Seen::default();
        let mut notes = SeenNotes { outermost: empty, waiting: 0, next: 0, notes: [empty; SEEN] };
        // SAFETY: the notes live through the call, and this thread is the only one that has them.
        play(unsafe { Notes::new(&raw mut notes) });
    }

    fn seen(sk: u64) -> Seen {
        Seen { sk, what: 1 }
    }

    #[test]
    fn what_was_noted_is_taken_once() {
        with_notes(|notes| {
            notes.add(seen(1));
            assert!(notes.take(seen(1)));
            assert!(!notes.take(seen(1)));
            assert!(!notes.take(seen(2)));
        });
    }

    #[test]
    fn a_softirq_between_the_programs_takes_its_own() {
        with_notes(|notes| {
            notes.add(seen(1));
            for sk in 2..10_000 {
                notes.add(seen(sk));
                assert!(notes.take(seen(sk)));
            }
            assert!(notes.take(seen(1)));
        });
    }

    #[test]
    fn however_much_a_softirq_brings_before_the_nested_program_asks_it_finds_its_own() {
        with_notes(|notes| {
            notes.add(seen(1));
            (2..10_000).for_each(|sk| notes.add(seen(sk)));
            assert!(notes.take(seen(1)));
            notes.add(seen(10_000));
            assert!(notes.take(seen(10_000)));
        });
    }

    #[test]
    fn what_nobody_asked_about_gives_way_in_time() {
        with_notes(|notes| {
            // The softirq came after the nested program had asked, and before it ended.
            notes.add(seen(1));
            for sk in 2..FORGOTTEN + 10 {
                notes.add(seen(sk));
                assert!(notes.take(seen(sk)), "{sk}");
            }
            notes.add(seen(1));
            (2..1_000).for_each(|sk| notes.add(seen(sk)));
            assert!(notes.take(seen(1)));
        });
    }
}
