//! One test at a time, among those of a test program that ask for it.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits until no other test of this program is alone, and keeps them waiting until the guard is dropped.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
