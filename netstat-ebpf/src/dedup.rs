//! The deduplication logs of all CPUs.

use aya_ebpf::{helpers::generated::bpf_map_lookup_percpu_elem, macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::{DedupLog, TransitionKey};

use crate::globals::{OFFSETS, value};

#[map]
static DEDUP_LOGS: PerCpuArray<DedupLog> = PerCpuArray::with_max_entries(1, 0);

/// The log of the CPU that the program runs on. It stays the same until the program ends: programs don't migrate.
#[inline(always)]
pub fn log() -> Option<&'static DedupLog> {
    DEDUP_LOGS.get(0)
}

/// Removes a transition from the log of another CPU; returns whether it was in one. A task that is preempted between the
/// main and the nested program can continue on another CPU.
#[inline(always)]
pub fn take_from_other_cpus(key: TransitionKey) -> bool {
    let cpus = value(&OFFSETS.preemptible_cpus);
    (0..cpus).any(|cpu| log_of(cpu).is_some_and(|log| log.take_from_other_cpu(key)))
}

#[inline(always)]
fn log_of(cpu: u32) -> Option<&'static DedupLog> {
    let (map, key) = ((&raw const DEDUP_LOGS).cast_mut(), 0_u32);
    // SAFETY: the helper takes a map and a pointer to a key of its size, and a map's value lives as long as the program.
    unsafe {
        bpf_map_lookup_percpu_elem(map.cast(), (&raw const key).cast(), cpu).cast::<DedupLog>().as_ref()
    }
}
