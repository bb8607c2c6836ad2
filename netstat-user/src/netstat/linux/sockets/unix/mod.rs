//! UNIX domain sockets: by unix_diag, which has each name as bytes; from /proc/net/unix only where that is missing.

pub(crate) mod diag;
pub(crate) mod table;

use anyhow::{Context as _, Result};

use crate::{
    netstat::linux::{notes::Notes, socket::UnixSocket},
    readers::netlink::Dump,
};

/// The sockets of the calling thread's network namespace; none if the kernel has no UNIX domain sockets.
///
/// # Errors
/// The kernel shows them neither by unix_diag nor in /proc: the error has both reasons.
pub fn read(netns: u32, notes: &Notes) -> Result<Vec<UnixSocket>> {
    match diag::read(netns) {
        Ok(Dump { mut entries, is_inconsistent }) => {
            notes.inconsistent("the UNIX sockets", is_inconsistent);
            // Only /proc has the reference counts. Without them the rows are still complete.
            if let Ok(Some(text)) = table::text() {
                table::count_references(&text, &mut entries);
            }
            Ok(entries)
        }
        Err(error) => {
            let text = table::text()
                .with_context(|| format!("can't list the UNIX sockets by unix_diag ({error:#})"))?;
            let Some(text) = text else { return Ok(Vec::new()) };
            let (sockets, lost) = table::sockets(&text, netns);
            notes.lines_lost(&table::path(), lost);
            if !sockets.is_empty() {
                notes.add(format!(
                    "unix_diag failed ({error:#}): the UNIX sockets are those of {}, where a name with a line break can \
                     imitate another socket (marked where that may be so)",
                    table::path().display()
                ));
            }
            Ok(sockets)
        }
    }
}
