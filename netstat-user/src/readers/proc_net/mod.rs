//! The tables of sockets in /proc/net: text, one line for each socket.

mod fields;
mod inet;

use std::{
    io::{self, BufRead as _, BufReader},
    path::PathBuf,
};

pub use fields::Fields;
pub use inet::{InetEntry, Timer};

/// The directory of the tables of the calling thread's network namespace.
pub const OWN_DIRECTORY: &str = "/proc/thread-self/net";

/// More than one read() of such a table gives: a page (`seq_read_iter`, fs/seq_file.c).
const BUFFER_BYTES: usize = 64 << 10;

/// The path of a file in [`OWN_DIRECTORY`].
pub fn own(file: &str) -> PathBuf {
    [OWN_DIRECTORY, file].iter().collect()
}

/// Calls `each` with every line of a table, without its line break, except the title.
///
/// # Errors
/// The table can't be read or lacks its title, or `each` fails.
pub fn for_each_line<E: From<io::Error>>(
    table: impl io::Read,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut table = BufReader::with_capacity(BUFFER_BYTES, table);
    let mut line = Vec::new();
    // The kernel writes a title even if there are no sockets.
    if table.read_until(b'\n', &mut line)? == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is empty").into());
    }
    line.clear();
    while table.read_until(b'\n', &mut line)? > 0 {
        each(line.strip_suffix(b"\n").unwrap_or(&line))?;
        line.clear();
    }
    Ok(())
}
