//! The read-only globals, which user space sets before it loads the programs.
//!
//! The kernel freezes the map that holds them, so the verifier knows each value as a constant: it checks `sk + offset`
//! against the type of `sk`, and removes code that a value makes unreachable.

use core::ptr;

use netstat_ebpf::wire::{ClassicFormat, Filter, Offsets, Plain};

#[unsafe(no_mangle)]
pub static OFFSETS: Offsets = Offsets::NONE;

#[unsafe(no_mangle)]
pub static CLASSIC_FORMAT: ClassicFormat = ClassicFormat::NONE;

#[unsafe(no_mangle)]
pub static FILTER: Filter = Filter::ALL;

/// The value of a global, or of a field of one, that user space has set. The compiler knows only the initial value, so a
/// plain read would return that.
#[inline(always)]
pub fn value<T: Plain>(global: &'static T) -> T {
    // SAFETY: a reference is valid for reads, and nothing writes to a global while programs run.
    unsafe { ptr::from_ref(global).read_volatile() }
}
