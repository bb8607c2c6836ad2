//! Notes of what the main program has seen on this CPU, for the nested one to ask about.
//!
//! They lie in a ring. A note is taken out before the softirq that made it ends, so the place for the next
//! goes back, as on a stack; what was left by runs of the nested program that the kernel skipped lies above
//! that place and is overwritten in time.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::{SEEN, Seen, SeenNotes};

#[map]
static SEEN_NOTES: PerCpuArray<SeenNotes> = PerCpuArray::with_max_entries(1, 0);

/// This CPU's notes. A nested program on the same CPU may change them at any instruction, so each access is
/// volatile.
#[derive(Clone, Copy)]
pub struct Notes(*mut SeenNotes);

impl Notes {
    /// Those of the CPU that we run on, until the program ends (programs don't migrate).
    #[inline(always)]
    pub fn of_this_cpu() -> Option<Self> {
        SEEN_NOTES.get_ptr_mut(0).map(Self)
    }

    /// The main program has seen this transition.
    #[inline(always)]
    pub fn add(self, seen: Seen) {
        let place = self.next();
        self.set_next(place + 1);
        self.set(place, seen);
    }

    /// Whether the main program has seen this transition; it is forgotten then.
    #[inline(always)]
    pub fn take(self, seen: Seen) -> bool {
        let next = self.next();
        // Nearly always the newest. It is an older one when a softirq interrupted the nested program before
        // this line: the kernel skipped the nested program for all that the softirq brought.
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
    fn get(self, place: usize) -> Seen {
        // SAFETY: the index is below SEEN, the map's value lives as long as the program, and only this CPU
        // writes it.
        unsafe { (&raw const (*self.0).notes[place % SEEN]).read_volatile() }
    }

    #[inline(always)]
    fn set(self, place: usize, seen: Seen) {
        // SAFETY: as in `get`.
        unsafe { (&raw mut (*self.0).notes[place % SEEN]).write_volatile(seen) }
    }

    #[inline(always)]
    fn next(self) -> usize {
        // SAFETY: as in `get`.
        unsafe { (&raw const (*self.0).next).read_volatile() as usize }
    }

    #[inline(always)]
    fn set_next(self, place: usize) {
        // SAFETY: as in `get`.
        unsafe { (&raw mut (*self.0).next).write_volatile(place as u64) }
    }
}
