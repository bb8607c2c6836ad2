//! UNIX domain sockets from /proc/net/unix (`unix_seq_show`, net/unix/af_unix.c).

use std::{fs::File, io};

use anyhow::{Context as _, Result};

use crate::{
    netstat::linux::socket::UnixSocket,
    readers::proc_net::{self, Fields},
};

/// The sockets of the calling thread's network namespace; none if the kernel has no UNIX domain sockets.
pub fn read(netns: u32) -> Result<Vec<UnixSocket>> {
    let path = proc_net::own("unix");
    let table = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        table => table,
    };
    let mut sockets = Vec::new();
    let read = table.and_then(|table| {
        proc_net::for_each_line(table, |line| {
            sockets.extend(socket(line, netns));
            Ok(())
        })
    });
    read.with_context(|| format!("can't read {}", path.display()))?;
    Ok(sockets)
}

/// None if the line is malformed, as the remainder of a name that contains a line break.
fn socket(line: &[u8], netns: u32) -> Option<UnixSocket> {
    let mut fields = Fields::new(line);
    fields.skip()?;
    let references = fields.hex_value()?;
    let _protocol = fields.hex()?;
    let flags = fields.hex_value()?;
    let kind = fields.hex_value()?;
    let state = fields.hex_value()?;
    let inode = fields.decimal()?;
    Some(UnixSocket { references, flags, kind, state, inode, path: fields.remainder().to_vec(), netns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_socket_may_contain_blanks() {
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
    fn a_socket_without_a_name_has_an_empty_one() {
        let socket = socket(b"0000000000000000: 00000003 00000000 00000000 0002 03   207", 7).unwrap();
        assert_eq!((socket.path.as_slice(), socket.state_name()), (&b""[..], "CONNECTED"));
        assert_eq!(socket.flag_letters(), "[ ]");
    }

    #[test]
    fn the_second_line_of_a_name_with_a_line_break_is_no_socket() {
        assert_eq!(socket(b"evil.sock", 7), None);
    }
}
