//! Reads kernel memory: behind pointers whose type the verifier knows, and at addresses by a helper.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use netstat_ebpf::wire::Plain;

/// A pointer whose kernel type the verifier knows (PTR_TO_BTF_ID). A load behind it needs no helper, and reads 0 where
/// the address is not mapped or the pointer is null.
#[derive(Clone, Copy)]
pub struct BtfPtr(*const u8);

impl BtfPtr {
    /// # Safety
    /// The verifier knows the type of `pointer`: it is an argument of a program that is attached by BTF, a field of an
    /// iterator's context, or the result of a helper that returns a typed pointer.
    #[inline(always)]
    pub unsafe fn new(pointer: *const u8) -> Self {
        Self(pointer)
    }

    /// The address as a number, for helpers that read by address and for records.
    #[inline(always)]
    pub fn address(self) -> u64 {
        self.0 as u64
    }

    /// The pointer, for helpers that take a typed one.
    #[inline(always)]
    pub fn as_ptr<T>(self) -> *mut T {
        self.0.cast_mut().cast()
    }

    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The field at an offset.
    #[inline(always)]
    pub fn load<T: Plain>(self, offset: u32) -> T {
        // SAFETY: the verifier checks the load against the type and size of the kernel's field, and rejects the program
        // if it is outside of the type.
        unsafe { self.0.add(offset as usize).cast::<T>().read_volatile() }
    }

    /// The pointer field at an offset; the verifier takes its type from the field.
    #[inline(always)]
    pub fn load_ptr(self, offset: u32) -> Self {
        // SAFETY: as in `load`.
        Self(unsafe { self.0.add(offset as usize).cast::<*const u8>().read_volatile() })
    }
}

/// 16 bytes as two words, as records have them.
#[inline(always)]
pub fn words(bytes: [u8; 16]) -> [u64; 2] {
    // SAFETY: both are 16 bytes, and any bytes are a valid value of either.
    unsafe { core::mem::transmute::<[u8; 16], [u64; 2]>(bytes) }
}

/// Reads a value at an address; None if the kernel can't read there.
#[inline(always)]
pub fn probe_read<T: Plain>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address, and any bytes are a valid T.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}
