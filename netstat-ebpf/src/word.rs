//! A word in a map that programs interrupt each other over.

use core::sync::atomic::AtomicU64;

/// Whoever interrupts the program may change it between any two instructions, so each access is one. An atomic store
/// would be, but LLVM 22 has none for the BPF that the oldest kernels know.
#[repr(transparent)]
#[derive(Debug, Default)]
pub struct Word(AtomicU64);

impl Word {
    /// What it holds.
    #[inline(always)]
    pub fn get(&self) -> u64 {
        // SAFETY: the pointer is valid as long as the reference. In the kernel an aligned word is loaded in one
        // instruction, whatever others store meanwhile; on the host only one thread ever has a word.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    /// Gives it another value.
    #[inline(always)]
    pub fn set(&self, value: u64) {
        // SAFETY: as in `get`.
        unsafe { self.0.as_ptr().write_volatile(value) }
    }
}
