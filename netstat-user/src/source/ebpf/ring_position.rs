//! How far the ring buffer's writers and its reader have come.
//!
//! A reader that gets no next record may be before one that is reserved but not committed, with committed ones after it
//! (`bpf_ringbuf_reserve`, kernel/bpf/ringbuf.c, 5.8): the CPU that writes it was interrupted.

use std::{
    io,
    os::fd::AsFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The positions of the ring's reader and of its writers: the first two pages of the ring's memory, mapped read-only.
pub struct RingPosition {
    pages: NonNull<u8>,
    page_bytes: usize,
}

// SAFETY: the pages are the kernel's, belong to no thread, and are read by atomic loads only.
unsafe impl Send for RingPosition {}

impl RingPosition {
    /// Maps the positions of a ring buffer.
    ///
    /// # Errors
    /// The descriptor is not a ring buffer's, or there is no memory.
    pub fn map(ring: impl AsFd) -> io::Result<Self> {
        let page_bytes = rustix::param::page_size();
        // SAFETY: with a null address the kernel chooses a free place, so the mapping replaces no other.
        let pages =
            unsafe { mmap(ptr::null_mut(), 2 * page_bytes, ProtFlags::READ, MapFlags::SHARED, ring, 0) }?;
        let pages = NonNull::new(pages.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { pages, page_bytes })
    }

    /// Where the next record will be reserved, bytes since the ring was created.
    pub fn writers(&self) -> usize {
        self.position(self.page_bytes)
    }

    /// Whether the reader has read all records before that position.
    pub fn reader_has_reached(&self, position: usize) -> bool {
        // The positions overflow, and are never half of their range apart.
        self.position(0).wrapping_sub(position).cast_signed() >= 0
    }

    fn position(&self, page: usize) -> usize {
        // SAFETY: each of the two pages begins with a position, an aligned unsigned long that the kernel and the reader
        // change; the pages stay mapped until the drop.
        unsafe { self.pages.add(page).cast::<AtomicUsize>().as_ref() }.load(Ordering::Acquire)
    }
}

impl Drop for RingPosition {
    fn drop(&mut self) {
        // SAFETY: the range is the one that `map` has mapped, and nothing refers to it any more. The call can't fail for
        // a mapped range.
        let _ = unsafe { munmap(self.pages.as_ptr().cast(), 2 * self.page_bytes) };
    }
}
