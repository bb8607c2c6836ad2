//! /proc/net/unix: the host's own sockets (`unix_seq_show`, net/unix/af_unix.c).

use std::io;

use anyhow::{Context as _, Result};

use super::{Fields, table};
use crate::netstat::linux::socket::UnixSocket;

const PATH: &str = "/proc/thread-self/net/unix";

/// The sockets of the calling thread's network namespace; none if the kernel has no such sockets.
pub fn read(netns: u32) -> Result<Vec<UnixSocket>> {
    match table::contents(PATH) {
        Ok(text) => {
            Ok(text.split(|byte| *byte == b'\n').skip(1).filter_map(|line| socket(line, netns)).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).with_context(|| format!("can't read {PATH}")),
    }
}

/// None if the line is torn, or what follows a line break within a name.
fn socket(line: &[u8], netns: u32) -> Option<UnixSocket> {
    let mut fields = Fields::new(line);
    fields.skip()?;
    let references = fields.hex_value()?;
    let _protocol = fields.hex()?;
    let flags = fields.hex_value()?;
    let kind = fields.hex_value()?;
    let state = fields.hex_value()?;
    let inode = fields.decimal()?;
    Some(UnixSocket { references, flags, kind, state, inode, path: fields.rest().to_vec(), netns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_socket_and_its_name_may_have_blanks() {
        let line = b"0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/my  server.sock";
        let socket = socket(line, 7).unwrap();
        assert_eq!(
            (socket.references, socket.inode, socket.path.as_slice()),
            (2, 12345, &b"/run/my  server.sock"[..])
        );
        assert_eq!((socket.state_name(), socket.kind_name()), ("LISTENING", "STREAM"));
        assert_eq!(socket.flag_letters(), "[ ACC ]");
        assert!(socket.is_server());
    }

    #[test]
    fn a_socket_without_a_name_has_none() {
        let socket = socket(b"0000000000000000: 00000003 00000000 00000000 0002 03   207", 7).unwrap();
        assert_eq!((socket.path.as_slice(), socket.state_name()), (&b""[..], "CONNECTED"));
        assert_eq!(socket.flag_letters(), "[ ]");
    }

    #[test]
    fn the_rest_of_a_name_with_a_line_break_is_no_socket() {
        assert_eq!(socket(b"evil.sock", 7), None);
    }
}
