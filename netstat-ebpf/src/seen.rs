//! This CPU's notes of what the main program has seen.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use netstat_ebpf::{notes::Notes, wire::SeenNotes};

#[map]
static SEEN_NOTES: PerCpuArray<SeenNotes> = PerCpuArray::with_max_entries(1, 0);

/// The notes of the CPU that we run on, until the program ends (programs don't migrate).
#[inline(always)]
pub fn notes() -> Option<Notes> {
    // SAFETY: the map's value lives as long as the program, and only this CPU uses it.
    SEEN_NOTES.get_ptr_mut(0).map(|notes| unsafe { Notes::new(notes) })
}
