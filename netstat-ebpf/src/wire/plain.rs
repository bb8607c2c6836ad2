//! Values as bytes: what the kernel side writes, user space reads back as the same type, and the other way round.

use super::{
    AcceptRecord, ClassicFormat, CloseRecord, CodeRange, Filter, HolderRecord, InterfaceRecord, LossCounters,
    MinisockCreatedRecord, MinisockRemovedRecord, Offsets, PortRange, Process, ProcessRecord,
    ProcessRenamedRecord, ResetSentRecord, SnapshotRecord, SocketFileRecord, SynErrorRecord,
    SynRetransmittedRecord, TransitionRecord,
};

/// A type without padding and without invalid bit patterns, so that it can be made from any bytes and read as bytes.
///
/// # Safety
/// Every byte of the type belongs to a field, and any bytes are a valid value.
pub unsafe trait Plain: Copy + 'static {}

macro_rules! plain_structs {
    ($($name:ident is $size:literal bytes;)*) => { $(
        const _: () = assert!(size_of::<$name>() == $size);
        // SAFETY: repr(C), integers only, and the size above is the sum of the fields' sizes.
        unsafe impl Plain for $name {}
    )* };
}

plain_structs! {
    Process is 32 bytes;
    TransitionRecord is 80 bytes;
    ProcessRecord is 120 bytes;
    CloseRecord is 104 bytes;
    MinisockCreatedRecord is 88 bytes;
    MinisockRemovedRecord is 24 bytes;
    AcceptRecord is 56 bytes;
    ProcessRenamedRecord is 48 bytes;
    InterfaceRecord is 32 bytes;
    SnapshotRecord is 112 bytes;
    HolderRecord is 48 bytes;
    SocketFileRecord is 16 bytes;
    LossCounters is 24 bytes;
    Offsets is 680 bytes;
    ResetSentRecord is 72 bytes;
    SynRetransmittedRecord is 16 bytes;
    SynErrorRecord is 16 bytes;
    CodeRange is 24 bytes;
    ClassicFormat is 36 bytes;
    PortRange is 4 bytes;
    Filter is 100 bytes;
}

macro_rules! plain_integers {
    ($($name:ident)*) => { $(
        // SAFETY: an integer has no padding, and any bytes are a valid value.
        unsafe impl Plain for $name {}
    )* };
}

plain_integers! { u8 u16 u32 u64 }

// SAFETY: an array has no padding between its elements, and any bytes are valid elements.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// The bytes of a value.
pub fn as_bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: `Plain` promises that all `size_of::<T>()` bytes are initialised, and u8 has no alignment.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// The value in the first bytes; None if there are fewer than it has.
pub fn from_bytes<T: Plain>(bytes: &[u8]) -> Option<T> {
    let bytes = bytes.get(..size_of::<T>())?;
    // SAFETY: the slice has the size of T, the read needs no alignment, and `Plain` promises that any bytes are valid.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
