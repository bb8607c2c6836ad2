//! What the programs keep for each CPU: who is at work, and what was lost.

use core::arch::asm;

use aya_ebpf::{macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::CpuState;

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

    /// Says that the main program is at work here: what nests into it is the nested program's.
    #[inline(always)]
    pub fn set_busy(self, busy: bool) {
        // SAFETY: the map's value lives as long as the program, and only this CPU writes it.
        unsafe { (&raw mut (*self.0).busy).write_volatile(u64::from(busy)) }
    }

    /// Whether the main program is at work here.
    #[inline(always)]
    pub fn is_busy(self) -> bool {
        // SAFETY: as in `set_busy`.
        unsafe { (&raw const (*self.0).busy).read_volatile() != 0 }
    }

    /// Counts a transition that the nested program saw.
    #[inline(always)]
    pub fn count_rescued(self) {
        // SAFETY: as in `set_busy`.
        unsafe { add_one(&raw mut (*self.0).rescued) }
    }

    /// Counts a transition that found the ring full.
    #[inline(always)]
    pub fn count_ring_full(self) {
        // SAFETY: as in `set_busy`.
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
