//! What the programs keep for each CPU: what one of them has seen, and what was lost.

use core::arch::asm;

use aya_ebpf::{macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::{CpuState, SEEN, Seen};

#[map]
static CPU_STATE: PerCpuArray<CpuState> = PerCpuArray::with_max_entries(1, 0);

/// This CPU's state. A nested program on the same CPU may change it at any instruction, so each
/// access is one volatile load or store of a word.
#[derive(Clone, Copy)]
pub struct Cpu(*mut CpuState);

impl Cpu {
    /// The CPU that we run on, until the program ends (programs don't migrate).
    #[inline(always)]
    pub fn current() -> Option<Self> {
        CPU_STATE.get_ptr_mut(0).map(Self)
    }

    /// The main program has seen this transition.
    #[inline(always)]
    pub fn push_seen(self, seen: Seen) {
        let depth = self.depth();
        // What is left from runs of the nested program that the kernel skipped fills the stack in time.
        let place = if depth < SEEN { depth } else { 0 };
        // The place is taken before it is filled: a softirq in between takes the next.
        self.set_depth(place + 1);
        // SAFETY: `place` is below SEEN, the map's value lives as long as the program, and only this CPU
        // writes it.
        unsafe { (&raw mut (*self.0).seen[place & (SEEN - 1)]).write_volatile(seen) }
    }

    /// Whether the main program has seen this transition; it is forgotten then.
    #[inline(always)]
    pub fn pop_seen(self, seen: Seen) -> bool {
        let depth = self.depth();
        // Nearly always the uppermost; below it only if the nested program was skipped after the main one.
        for below in 1..=SEEN {
            if below > depth {
                break;
            }
            let place = depth - below;
            // SAFETY: `place` is below SEEN; else as in `push_seen`.
            let found = unsafe { (&raw const (*self.0).seen[place & (SEEN - 1)]).read_volatile() };
            if found == seen {
                self.set_depth(place);
                return true;
            }
        }
        false
    }

    #[inline(always)]
    fn depth(self) -> usize {
        // SAFETY: as in `push_seen`.
        let depth = unsafe { (&raw const (*self.0).depth).read_volatile() };
        (depth as usize).min(SEEN)
    }

    #[inline(always)]
    fn set_depth(self, depth: usize) {
        // SAFETY: as in `push_seen`.
        unsafe { (&raw mut (*self.0).depth).write_volatile(depth as u64) }
    }

    /// Counts a transition that the nested program saw.
    #[inline(always)]
    pub fn count_rescued(self) {
        // SAFETY: as in `push_seen`.
        unsafe { add_one(&raw mut (*self.0).rescued) }
    }

    /// Counts a transition that found the ring full.
    #[inline(always)]
    pub fn count_ring_full(self) {
        // SAFETY: as in `push_seen`.
        unsafe { add_one(&raw mut (*self.0).ring_full) }
    }
}

/// Adds one, in one instruction: a nested program may count at the same place.
///
/// # Safety
/// `counter` points to a u64 in a map's value.
#[inline(always)]
unsafe fn add_one(counter: *mut u64) {
    // SAFETY: the caller's promise. The target has no atomic read-modify-write in `core`.
    unsafe { asm!("lock *(u64 *)({counter} + 0) += {one}", counter = in(reg) counter, one = in(reg) 1_u64) }
}
