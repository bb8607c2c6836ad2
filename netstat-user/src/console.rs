//! Whether the terminal at stdout shows colours.

/// Whether output to stdout has colours if `--color` is `auto`: stdout is a terminal that supports them, unless the
/// environment variables NO_COLOR, CLICOLOR_FORCE, CLICOLOR and TERM decide otherwise.
pub fn stdout_has_color() -> bool {
    // This comes first, because it also enables escape codes for `--color always`.
    enable_escape_codes() && anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Every terminal interprets escape codes.
#[cfg(not(windows))]
fn enable_escape_codes() -> bool {
    true
}

/// Makes the console interpret escape codes, and returns whether it does. A console that doesn't would print them. If
/// stdout is not a console, the answer is true.
#[cfg(windows)]
fn enable_escape_codes() -> bool {
    use std::os::windows::io::AsRawHandle as _;

    use windows_sys::Win32::System::Console::{
        ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode, SetConsoleMode,
    };

    let stdout = std::io::stdout().as_raw_handle();
    let mut mode = 0;
    // SAFETY: both functions fail on a handle that is not a console's, and `mode` is valid for a write.
    unsafe {
        GetConsoleMode(stdout, &raw mut mode) == 0
            || SetConsoleMode(stdout, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0
    }
}
