//! The language of the user's Windows.

use windows_sys::Win32::Globalization::GetUserDefaultLocaleName;

/// LOCALE_NAME_MAX_LENGTH (winnls.h), in UTF-16 units.
const MAX_LENGTH: usize = 85;

/// The name of the user's default locale, like `ko-KR`.
pub fn user() -> Option<String> {
    let mut name = [0_u16; MAX_LENGTH];
    // SAFETY: the function writes at most MAX_LENGTH units.
    let length = unsafe { GetUserDefaultLocaleName(name.as_mut_ptr(), MAX_LENGTH as i32) };
    // The length includes the terminating 0.
    let length = usize::try_from(length).ok()?.checked_sub(1)?;
    String::from_utf16(name.get(..length)?).ok()
}
