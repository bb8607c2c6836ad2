//! Tables that Windows allocates and `FreeMibTable` frees (netioapi.h).

use std::{io, ptr};

use windows_sys::Win32::{Foundation::NO_ERROR, NetworkManagement::IpHelper::FreeMibTable};

/// A table. Dropping the value frees it.
pub struct Table<T>(*mut T);

impl<T> Table<T> {
    /// The table whose address `call` writes.
    ///
    /// # Errors
    /// The error code that `call` returns.
    ///
    /// # Safety
    /// If `call` returns NO_ERROR, it must have written the address of a valid `T` that `FreeMibTable` can free.
    pub unsafe fn call(call: impl FnOnce(*mut *mut T) -> u32) -> io::Result<Self> {
        let mut table = ptr::null_mut();
        match call(&raw mut table) {
            NO_ERROR if !table.is_null() => Ok(Self(table)),
            error => Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }

    /// Its address, valid until the value is dropped.
    pub fn as_ptr(&self) -> *const T {
        self.0
    }
}

impl<T> Drop for Table<T> {
    fn drop(&mut self) {
        // SAFETY: the caller of `call` guarantees that the table can be freed, and nothing uses it any more.
        unsafe { FreeMibTable(self.0.cast_const().cast()) }
    }
}
