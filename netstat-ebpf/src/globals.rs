//! The read-only globals: what user space tells the programs before they are loaded.
//!
//! The map behind them is frozen at load, so the verifier knows each value: it follows `sk + offset`
//! by type, and drops the code that a value makes unreachable.

use netstat_ebpf::wire::{ClassicFormat, Filter, Offsets};

#[unsafe(no_mangle)]
pub static OFFSETS: Offsets = Offsets::NONE;

#[unsafe(no_mangle)]
pub static CLASSIC_FORMAT: ClassicFormat = ClassicFormat::NONE;

#[unsafe(no_mangle)]
pub static FILTER: Filter = Filter::ALL;

/// The value of a global or of a field of one, as user space has set it behind the compiler's back.
#[inline(always)]
pub fn value<T: Copy>(place: *const T) -> T {
    // SAFETY: every caller passes a place within one of the statics above, valid for reads.
    unsafe { place.read_volatile() }
}
