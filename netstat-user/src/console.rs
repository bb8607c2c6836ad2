//! What the terminal behind stdout can show.

/// Whether stdout should have colours unless the user says: it is a terminal that has them, and the
/// environment (NO_COLOR, CLICOLOR_FORCE, CLICOLOR, TERM) doesn't say otherwise.
pub fn stdout_has_color() -> bool {
    // First, because a console that can has to be asked, also for `--color always`.
    takes_escape_codes() && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Terminals do.
#[cfg(not(windows))]
fn takes_escape_codes() -> bool {
    true
}

/// Asks the console to obey escape codes; one that doesn't would show them. What is no console takes anything.
#[cfg(windows)]
fn takes_escape_codes() -> bool {
    use std::os::windows::io::AsRawHandle as _;

    use windows_sys::Win32::System::Console::{
        ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode, SetConsoleMode,
    };

    let stdout = std::io::stdout().as_raw_handle();
    let mut mode = 0;
    // SAFETY: whatever the handle is, the functions fail if it is no console's; the number is ours.
    unsafe {
        GetConsoleMode(stdout, &raw mut mode) == 0
            || SetConsoleMode(stdout, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0
    }
}
