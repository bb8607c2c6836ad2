//! Tables that Windows allocates and takes back (netioapi.h).

use std::{io, ptr};

use windows_sys::Win32::{Foundation::NO_ERROR, NetworkManagement::IpHelper::FreeMibTable};

/// A table, given back when it is dropped.
pub struct Table<T>(*mut T);

impl<T> Table<T> {
    /// The table whose place `ask` writes.
    ///
    /// # Errors
    /// The code that `ask` returns.
    ///
    /// # Safety
    /// Where `ask` returns NO_ERROR it has to have written the place of a `T` that `FreeMibTable` takes back.
    pub unsafe fn ask(ask: impl FnOnce(*mut *mut T) -> u32) -> io::Result<Self> {
        let mut place = ptr::null_mut();
        match ask(&raw mut place) {
            NO_ERROR if !place.is_null() => Ok(Self(place)),
            error => Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }

    /// Where it is.
    pub fn as_ptr(&self) -> *const T {
        self.0
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        // SAFETY: who made this has vouched for it, and nobody has it any more.
        unsafe { FreeMibTable(self.0.cast_const().cast()) }
    }
}
