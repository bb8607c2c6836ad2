//! The counters of losses, one set for each CPU, which user space reads.

use core::arch::asm;

use aya_ebpf::{macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::LossCounters;

#[map]
static LOSS_COUNTERS: PerCpuArray<LossCounters> = PerCpuArray::with_max_entries(1, 0);

/// Counts a transition that another program recorded because the kernel skipped the main program.
#[inline(always)]
pub fn count_rescued() {
    if let Some(counters) = LOSS_COUNTERS.get_ptr_mut(0) {
        // SAFETY: the map's value lives as long as the program.
        unsafe { add_one(&raw mut (*counters).rescued) }
    }
}

/// Counts a transition whose record did not fit in the ring buffer.
#[inline(always)]
pub fn count_lost_transition() {
    if let Some(counters) = LOSS_COUNTERS.get_ptr_mut(0) {
        // SAFETY: as in `count_rescued`.
        unsafe { add_one(&raw mut (*counters).lost_transitions) }
    }
}

/// Counts an accept, a minisocket or a tuple whose record did not fit in the ring buffer.
#[inline(always)]
pub fn count_lost_observation() {
    if let Some(counters) = LOSS_COUNTERS.get_ptr_mut(0) {
        // SAFETY: as in `count_rescued`.
        unsafe { add_one(&raw mut (*counters).lost_observations) }
    }
}

/// Adds one in one instruction, because a program that interrupts this one may count at the same place.
///
/// # Safety
/// `counter` points to a u64 in a map's value.
#[inline(always)]
unsafe fn add_one(counter: *mut u64) {
    // SAFETY: the caller's promise. `core` has no atomic read-modify-write for this target.
    unsafe { asm!("lock *(u64 *)({counter} + 0) += {one}", counter = in(reg) counter, one = in(reg) 1_u64) }
}
