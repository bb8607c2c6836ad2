//! Writes whole pages to stdout. A reader that has closed the pipe is not an error.

use std::io::{self, Write as _};

/// Writes all bytes and flushes; false if the reader has closed the pipe.
///
/// # Errors
/// Any other failure of a write.
pub fn write(bytes: &[u8]) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}
