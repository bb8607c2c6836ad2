//! In which language Windows speaks to its user.

use windows_sys::Win32::Globalization::GetUserDefaultLocaleName;

/// LOCALE_NAME_MAX_LENGTH (winnls.h), UTF-16 units.
const LONGEST: usize = 85;

/// Like `ko-KR`.
pub fn user() -> Option<String> {
    let mut name = [0_u16; LONGEST];
    // SAFETY: the function writes no more units than it is told there is room for.
    let length = unsafe { GetUserDefaultLocaleName(name.as_mut_ptr(), LONGEST as i32) };
    // The length counts the NUL.
    let length = usize::try_from(length).ok()?.checked_sub(1)?;
    String::from_utf16(name.get(..length)?).ok()
}
