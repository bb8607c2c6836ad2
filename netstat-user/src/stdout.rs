//! Whole pages for stdout: its reader may go away, which is a normal end.

use std::io::{self, Write as _};

/// Writes all of it; false if the reader has gone away.
///
/// # Errors
/// It can't be written for another reason.
pub fn write(bytes: &[u8]) -> io::Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}
