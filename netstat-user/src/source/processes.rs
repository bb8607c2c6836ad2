//! What /proc has of a process: the sockets among its files, and its name.

use std::{fs, io, num::NonZero, path::Path};

use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};

use crate::model::Comm;

/// Tells the inode number of each socket among a process's files, by the process's directory in /proc.
///
/// # Errors
/// The process is gone, or its files are not for us.
pub fn each_socket(process: &Path, mut found: impl FnMut(NonZero<u64>)) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let files = openat(CWD, process.join("fd"), flags, Mode::empty())?;
    let mut target = Vec::new();
    for entry in Dir::read_from(&files)? {
        // It may be closed by now.
        let Ok(link) = readlinkat(&files, entry?.file_name(), target) else {
            target = Vec::new();
            continue;
        };
        if let Some(inode) = inode(link.as_bytes()) {
            found(inode);
        }
        target = link.into_bytes();
    }
    Ok(())
}

/// What a link like `socket:[12345]` means.
fn inode(link: &[u8]) -> Option<NonZero<u64>> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The name that the kernel keeps of a process, by the process's directory in /proc.
///
/// # Errors
/// The process is gone.
pub fn comm(process: &Path) -> io::Result<Comm> {
    let text = fs::read(process.join("comm"))?;
    let name = text.strip_suffix(b"\n").unwrap_or(&text);
    let mut comm = [0; 16];
    let length = name.len().min(comm.len() - 1);
    comm[..length].copy_from_slice(&name[..length]);
    Ok(Comm::new(comm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_s_link_has_an_inode_number() {
        assert_eq!(inode(b"socket:[4711]"), NonZero::new(4711));
        for link in [
            &b"pipe:[4711]"[..],
            b"socket:[]",
            b"socket:[47",
            b"/socket:[47]",
            b"socket:[-1]",
            b"socket:[0]",
            b"",
        ] {
            assert_eq!(inode(link), None);
        }
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        let gone = Path::new("/proc/4294967295");
        assert!(comm(gone).is_err() && each_socket(gone, |_| {}).is_err());
    }
}
