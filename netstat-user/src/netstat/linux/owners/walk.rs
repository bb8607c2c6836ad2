//! The walk through /proc/PID/fd, as netstat and ss do it.

use std::{fs, io, os::fd::AsFd as _};

use rustix::fs::{Dir, Mode, OFlags, open, readlinkat};

/// Calls `each` with the inode number of every socket that a process holds, and the process's id, in
/// ascending order of ids; says whether a process could not be looked into.
pub fn sockets(mut each: impl FnMut(u64, u32)) -> bool {
    let mut incomplete = false;
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids {
        let result = of_process(pid, &mut each);
        incomplete |= result.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    }
    incomplete
}

fn of_process(pid: u32, each: &mut impl FnMut(u64, u32)) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = open(format!("/proc/{pid}/fd"), flags, Mode::empty())?;
    let mut target = Vec::with_capacity(64);
    for entry in Dir::read_from(&directory)?.flatten() {
        target.clear();
        // It may be closed by now.
        let Ok(link) = readlinkat(directory.as_fd(), entry.file_name(), target) else {
            target = Vec::with_capacity(64);
            continue;
        };
        if let Some(inode) = inode(link.to_bytes()) {
            each(inode, pid);
        }
        target = link.into_bytes();
    }
    Ok(())
}

/// What a link like `socket:[4711]` means.
fn inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_s_link_has_an_inode_number() {
        assert_eq!(inode(b"socket:[4711]"), Some(4711));
        for link in [&b"pipe:[4711]"[..], b"socket:[]", b"socket:[47", b"/socket:[47]", b"socket:[-1]", b""] {
            assert_eq!(inode(link), None);
        }
    }
}
