//! Whether the ring has records that its reader has not come to.
//!
//! A reader that finds no next record may stand before one that is reserved and not committed yet, with others behind
//! it that have been (`bpf_ringbuf_reserve`, kernel/bpf/ringbuf.c): the CPU that writes it has been interrupted.

use std::{
    io,
    os::fd::AsFd,
    ptr::{self, NonNull},
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// The positions of the ring's reader and of its writers, read-only: the first two pages of the ring's memory.
pub struct Unread {
    pages: NonNull<u8>,
    page: usize,
}

// SAFETY: the pages are the kernel's, belong to no thread, and are read by atomic loads only.
unsafe impl Send for Unread {}

impl Unread {
    /// Maps the positions of a ring buffer.
    ///
    /// # Errors
    /// The descriptor is no ring buffer's, or there is no memory.
    pub fn of(ring: impl AsFd) -> io::Result<Self> {
        let page = rustix::param::page_size();
        // SAFETY: the kernel chooses a place that is free, so nothing of ours is there.
        let pages = unsafe { mmap(ptr::null_mut(), 2 * page, ProtFlags::READ, MapFlags::SHARED, ring, 0) }?;
        let pages = NonNull::new(pages.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Self { pages, page })
    }

    /// Whether there are any now, committed or not.
    pub fn exist(&self) -> bool {
        self.position(0) != self.position(self.page)
    }

    fn position(&self, page_at: usize) -> usize {
        // SAFETY: each of the two pages begins with a position, an aligned unsigned long that others change; they stay
        // mapped until the drop.
        unsafe { self.pages.add(page_at).cast::<AtomicUsize>().as_ref() }.load(Ordering::Acquire)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        // SAFETY: what `of` mapped, and nothing refers to it any more. It fails for no range that is mapped.
        let _ = unsafe { munmap(self.pages.as_ptr().cast(), 2 * self.page) };
    }
}
