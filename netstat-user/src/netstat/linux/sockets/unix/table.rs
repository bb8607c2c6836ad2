//! /proc/net/unix (`unix_seq_show`, net/unix/af_unix.c): a line for each socket, which ends with its name as it is. A name
//! may contain line breaks, and so text that looks like the lines of other sockets.

use std::{fs, io, path::PathBuf};

use anyhow::{Context as _, Result};
use rustc_hash::FxHashMap;

use crate::{
    netstat::linux::socket::{UnixName, UnixSocket, UnixSource, UnixState},
    readers::proc_net::{self, Fields},
};

/// Bit 16 of the flags: the socket listens (`__SO_ACCEPTCON`, include/linux/net.h).
const ACCEPTS: u64 = 1 << 16;

/// A line.
struct Line<'a> {
    references: u64,
    flags: u64,
    kind: u64,
    state: u64,
    inode: u64,
    /// Where an abstract name has NULs, the kernel writes `@`.
    name: &'a [u8],
}

/// The path of the file.
pub fn path() -> PathBuf {
    proc_net::own("unix")
}

/// The file of the calling thread's network namespace; None if the kernel has no UNIX domain sockets.
///
/// # Errors
/// It can't be read: the error names it.
pub fn text() -> Result<Option<Vec<u8>>> {
    match fs::read(path()) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("can't read {}", path().display())),
    }
}

/// The sockets, and the number of lines that can't be parsed, such as the remainder of a name with a line break.
pub fn sockets(text: &[u8], netns: u32) -> (Vec<UnixSocket>, usize) {
    let (mut sockets, mut lost) = (Vec::new(), 0);
    let mut follows_name = false;
    for line in lines(text) {
        match Line::parse(line) {
            Some(parsed) => sockets.push(UnixSocket { may_be_forged: follows_name, ..parsed.socket(netns) }),
            None => lost += 1,
        }
        // Before each name the kernel writes a blank, also before one that begins with a line break.
        follows_name |=
            line.ends_with(b" ") || sockets.last().is_some_and(|last| !last.name.as_bytes().is_empty());
    }
    (sockets, lost)
}

/// Adds the numbers of references to sockets whose names are known. A name with line breaks is skipped as a whole. Where
/// the lines of one socket contradict each other nevertheless, the number stays unknown.
pub fn count_references(text: &[u8], sockets: &mut [UnixSocket]) {
    let names: Vec<Vec<u8>> = sockets.iter().map(|socket| socket.name.in_proc()).collect();
    let broken: Vec<&[u8]> = names.iter().map(Vec::as_slice).filter(|name| name.contains(&b'\n')).collect();
    let mut counts: FxHashMap<(u64, &[u8]), Option<u64>> = FxHashMap::default();
    let mut rest = text.splitn(2, |byte| *byte == b'\n').nth(1).unwrap_or_default();
    while let Some((line, after)) = split_line(rest) {
        rest = after;
        let Some(mut line) = Line::parse(line) else { continue };
        let whole = rest_of_name(line.name, after, &broken);
        if let Some((name, after)) = whole {
            (line.name, rest) = (name, after);
        }
        counts
            .entry((line.inode, line.name))
            .and_modify(|count| *count = count.filter(|count| *count == line.references))
            .or_insert(Some(line.references));
    }
    for (socket, name) in sockets.iter_mut().zip(&names) {
        socket.references = counts.get(&(socket.inode, name.as_slice())).copied().flatten();
    }
}

/// The longest known name with line breaks that begins at the end of a line and goes on after it, and the text behind it.
fn rest_of_name<'a>(begin: &[u8], after: &'a [u8], broken: &[&'a [u8]]) -> Option<(&'a [u8], &'a [u8])> {
    let mut found: Option<(&[u8], &[u8])> = None;
    for name in broken {
        let Some(more) = name.strip_prefix(begin).and_then(|more| more.strip_prefix(b"\n")) else { continue };
        let Some(behind) = after.strip_prefix(more).and_then(|behind| behind.strip_prefix(b"\n")) else {
            continue;
        };
        if found.is_none_or(|(longest, _)| longest.len() < name.len()) {
            found = Some((name, behind));
        }
    }
    found
}

/// The lines after the title.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.strip_suffix(b"\n").unwrap_or(text).split(|byte| *byte == b'\n').skip(1)
}

fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    Some((&text[..end], &text[end + 1..]))
}

impl<'a> Line<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = Fields::new(line);
        fields.skip()?;
        let references = fields.hex_value()?;
        let _protocol = fields.hex()?;
        let flags = fields.hex_value()?;
        let kind = fields.hex_value()?;
        let state = fields.hex_value()?;
        let inode = fields.decimal()?;
        Some(Self { references, flags, kind, state, inode, name: fields.remainder() })
    }

    fn socket(self, netns: u32) -> UnixSocket {
        UnixSocket {
            references: Some(self.references),
            is_listening: self.flags & ACCEPTS != 0,
            kind: self.kind,
            state: UnixState::from_proc(self.state),
            inode: self.inode,
            peer: None,
            uid: None,
            recv_q: None,
            send_q: None,
            accept_queue: None,
            name: UnixName::of_proc(self.name),
            netns,
            source: UnixSource::Proc,
            may_be_forged: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLE: &[u8] = b"Num       RefCount Protocol Flags    Type St Inode Path\n";

    fn table(lines: &[&[u8]]) -> Vec<u8> {
        [&[TITLE], lines].concat().concat()
    }

    fn named(inode: u64, name: &[u8]) -> UnixSocket {
        let (mut sockets, _) = sockets(&table(&[b"0: 2 0 10000 1 1 1 x\n"]), 7);
        UnixSocket { inode, name: UnixName::of_address(name), ..sockets.remove(0) }
    }

    #[test]
    fn the_name_of_a_socket_may_contain_blanks() {
        let text =
            table(&[b"0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/my  server.sock\n"]);
        let (sockets, lost) = sockets(&text, 7);
        let [socket] = sockets.as_slice() else { panic!("{sockets:?}") };
        assert_eq!((socket.references, socket.inode, lost), (Some(2), 12345, 0));
        assert_eq!((socket.state_name(), socket.kind_name()), ("LISTENING", "STREAM"));
        assert_eq!(
            (socket.flag_letters(), socket.name.to_string().as_str()),
            ("[ ACC ]", "/run/my  server.sock")
        );
        assert!(socket.is_server());
    }

    #[test]
    fn a_socket_without_a_name_has_an_empty_one() {
        let text = table(&[b"0000000000000000: 00000003 00000000 00000000 0002 03   207\n"]);
        let (sockets, _) = sockets(&text, 7);
        assert!(sockets[0].name.as_bytes().is_empty());
        assert_eq!((sockets[0].state_name(), sockets[0].flag_letters()), ("CONNECTED", "[ ]"));
    }

    #[test]
    fn the_remainder_of_a_name_with_a_line_break_is_a_lost_line() {
        let text = table(&[b"0: 2 0 10000 1 1 1 /a\nevil.sock\n\n"]);
        assert_eq!(sockets(&text, 7).1, 2);
    }

    #[test]
    fn what_follows_a_name_may_be_forged() {
        let (unnamed, named) = (b"0: 3 0 0 1 03 1\n", b"0: 2 0 10000 1 1 2 /run/a.sock\n");
        let marks = |lines: &[&[u8]]| -> Vec<bool> {
            sockets(&table(lines), 7).0.iter().map(|socket| socket.may_be_forged).collect()
        };
        assert_eq!(marks(&[unnamed, unnamed]), [false, false]);
        assert_eq!(marks(&[unnamed, named, unnamed, named]), [false, false, true, true]);
        // The name begins with a line break.
        assert_eq!(marks(&[b"0: 2 0 10000 1 1 1 \n", named]), [false, true]);
    }

    #[test]
    fn a_name_with_line_breaks_changes_no_other_socket_s_references() {
        let forged = b"0: 00000009 00000000 00010000 0001 01 12 /run/docker.sock";
        let name = [b"\0z\n", forged.as_slice()].concat();
        let hostile = [b"0: 00000002 00000000 00010000 0001 01 11 @z\n", forged.as_slice(), b"\n"].concat();
        // A connection that waits to be accepted has its listener's name, and no inode number.
        let waiting = [b"0: 00000002 00000000 00000000 0001 02 0 @z\n", forged.as_slice(), b"\n"].concat();
        let real = b"0: 00000004 00000000 00010000 0001 01 12 /run/docker.sock\n";
        let mut sockets = [named(11, &name), named(12, b"/run/docker.sock\0")];
        for lines in [[&hostile[..], real, &waiting], [real, &waiting, &hostile]] {
            count_references(&table(&lines), &mut sockets);
            assert_eq!(sockets.each_ref().map(|socket| socket.references), [Some(2), Some(4)]);
        }
        // Without the hostile socket's name, which it may have got later, the two lines contradict each other.
        count_references(&table(&[&hostile, real]), &mut sockets[1..]);
        assert_eq!(sockets[1].references, None);
    }
}
