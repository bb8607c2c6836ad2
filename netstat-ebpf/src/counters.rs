//! What the programs count on each CPU, for user space to read.

use core::arch::asm;

use aya_ebpf::{macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::Counters;

#[map]
static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);

/// Counts a transition that the nested program saw.
#[inline(always)]
pub fn count_rescued() {
    if let Some(counters) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: the map's value lives as long as the program.
        unsafe { add_one(&raw mut (*counters).rescued) }
    }
}

/// Counts a transition that found the ring full.
#[inline(always)]
pub fn count_ring_full() {
    if let Some(counters) = COUNTERS.get_ptr_mut(0) {
        // SAFETY: as in `count_rescued`.
        unsafe { add_one(&raw mut (*counters).ring_full) }
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
