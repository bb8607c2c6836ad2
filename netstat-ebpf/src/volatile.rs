//! An integer in a map value that programs change while they interrupt each other.

use core::cell::UnsafeCell;

/// A u64 whose every access is exactly one instruction: a program that interrupts another may change it between any two
/// instructions of the other. An atomic store would guarantee that too, but LLVM 22 has none for the BPF instruction
/// set of the oldest supported kernels.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct VolatileU64(UnsafeCell<u64>);

// SAFETY: the kernel loads and stores an aligned u64 in one instruction, so no CPU sees half of another's value. On the
// host the type is not `Sync`: there only one thread can have it.
#[cfg(target_arch = "bpf")]
unsafe impl Sync for VolatileU64 {}

impl VolatileU64 {
    /// Loads the value.
    #[inline(always)]
    pub fn get(&self) -> u64 {
        // SAFETY: the pointer is valid as long as the reference, and nothing has a reference to the inner value.
        unsafe { self.0.get().read_volatile() }
    }

    /// Stores a value.
    #[inline(always)]
    pub fn set(&self, value: u64) {
        // SAFETY: as in `get`.
        unsafe { self.0.get().write_volatile(value) }
    }
}
