//! What the main program has seen: this CPU's notes, and those of the others.

use aya_ebpf::{helpers::generated::bpf_map_lookup_percpu_elem, macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::{Seen, SeenNotes};

use crate::globals::{OFFSETS, value};

#[map]
static SEEN_NOTES: PerCpuArray<SeenNotes> = PerCpuArray::with_max_entries(1, 0);

/// The notes of the CPU that we run on, until the program ends (programs don't migrate).
#[inline(always)]
pub fn notes() -> Option<&'static SeenNotes> {
    SEEN_NOTES.get(0)
}

/// Whether the main program has seen this transition on another CPU, which forgets it then: where a task may be preempted,
/// it may be so between two programs, and go on elsewhere.
#[inline(always)]
pub fn take_elsewhere(seen: Seen) -> bool {
    let cpus = value(&raw const OFFSETS.preemptible_cpus);
    (0..cpus).any(|cpu| notes_of(cpu).is_some_and(|notes| notes.take_elsewhere(seen)))
}

#[inline(always)]
fn notes_of(cpu: u32) -> Option<&'static SeenNotes> {
    let (map, key) = ((&raw const SEEN_NOTES).cast_mut(), 0_u32);
    // SAFETY: the map and the key are what the helper asks for, and the map's value lives as long as the program.
    unsafe {
        bpf_map_lookup_percpu_elem(map.cast(), (&raw const key).cast(), cpu).cast::<SeenNotes>().as_ref()
    }
}
