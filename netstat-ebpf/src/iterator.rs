//! What the iterators share: the arguments that the kernel calls them with, and where their records go.

use core::ffi::c_void;

use aya_ebpf::{bindings::seq_file, helpers::generated::bpf_seq_write};
use netstat_ebpf::wire::Plain;

use crate::sock::Typed;

/// What a `struct bpf_iter__…` holds: pointers of eight bytes each, of which the first is to the
/// iterator's own `struct bpf_iter_meta`.
#[derive(Clone, Copy)]
pub struct Step(*const *const u8);

impl Step {
    /// # Safety
    /// `context` is the argument of an iterator program.
    #[inline(always)]
    pub unsafe fn from_context(context: *mut c_void) -> Self {
        Self(context.cast())
    }

    /// The object at a place of the context that holds a pointer; None once all have been seen.
    #[inline(always)]
    pub fn object(self, place: usize) -> Option<Typed> {
        // SAFETY: the verifier checks the load against the context's type.
        let pointer = unsafe { self.0.add(place).read_volatile() };
        (!pointer.is_null()).then_some(Typed(pointer))
    }

    /// The number (u32) at a place of the context.
    #[inline(always)]
    pub fn number(self, place: usize) -> u32 {
        // SAFETY: as in `object`.
        unsafe { self.0.add(place).cast::<u32>().read_volatile() }
    }

    /// Gives a record to whoever reads the iterator. If the kernel's buffer is full, the kernel forgets
    /// what this step wrote and calls again for the same object (`bpf_seq_read`, kernel/bpf/bpf_iter.c).
    #[inline(always)]
    pub fn write<T: Plain>(self, record: &T) {
        const META: usize = 0;
        let Some(meta) = self.object(META) else { return };
        let seq: *mut seq_file = meta.load(0);
        // SAFETY: `seq` is the first member of `struct bpf_iter_meta`, include/linux/bpf.h, since 5.8;
        // the record is initialised to its last byte, as `Plain` promises.
        unsafe { bpf_seq_write(seq, core::ptr::from_ref(record).cast(), size_of::<T>() as u32) };
    }
}
