//! The tables of sockets in /proc/net: text, one line for each socket.

mod fields;
mod inet;

use std::{
    io::{self, BufRead as _, BufReader},
    mem,
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
/// The table can't be read, lacks its title, or ends within a line; or `each` fails.
pub fn for_each_line<E: From<io::Error>>(
    table: impl io::Read,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut table = BufReader::with_capacity(BUFFER_BYTES, table);
    let mut line = Vec::new();
    let cut_off = |why| Err(io::Error::new(io::ErrorKind::UnexpectedEof, why).into());
    // The kernel writes a title even if there are no sockets.
    let mut is_title = true;
    loop {
        line.clear();
        let end = table.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\n") {
            Some(_) if mem::take(&mut is_title) => {}
            Some(line) => each(line)?,
            None if end > 0 => return cut_off("the file ends within a line"),
            None if is_title => return cut_off("the file is empty"),
            None => return Ok(()),
        }
    }
}
