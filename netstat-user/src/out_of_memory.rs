//! Memory that can't be had is one line on stderr and exit code 1, as every other failure. std would abort the process.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rustix::{io::write, stdio::stderr};

/// Set by the thread that ends the process.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// The system's allocator, for `#[global_allocator]`: where it fails, the process ends.
#[derive(Debug)]
pub struct Allocator {
    /// The program's name and a colon, before the error.
    pub prefix: &'static str,
}

impl Allocator {
    fn given(&self, memory: *mut u8) -> *mut u8 {
        if memory.is_null() {
            self.end();
        }
        memory
    }

    #[cold]
    fn end(&self) -> ! {
        while IS_ENDING.swap(true, Ordering::Relaxed) {
            thread::yield_now();
        }
        // None of this takes memory. What a pipe without room does not take is lost.
        let advice = " out of memory: free some, or raise the limit (of its cgroup, or ulimit -v)\n";
        for part in [self.prefix, advice] {
            let _unwritten = write(stderr(), part.as_bytes());
        }
        // SAFETY: _exit(2) takes no pointer, and runs nothing of the process, whose locks may be held.
        unsafe { libc::_exit(1) }
    }
}

// SAFETY: each method passes its arguments to the system's allocator, which has the same contract, and returns what that
// returns; if that is null, it does not return.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of this method, which is that of the system's.
        self.given(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        self.given(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`; all memory is the system allocator's.
        unsafe { System.dealloc(memory, layout) };
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as in `dealloc`.
        self.given(unsafe { System.realloc(memory, layout, size) })
    }
}
