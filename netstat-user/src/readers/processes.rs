//! Reads processes from /proc: their ids, files and names.

use std::{
    ffi::OsStr,
    fs, io,
    num::NonZero,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Dir, Mode, OFlags, openat, readlinkat};

use crate::model::Comm;

/// The inode number of the initial PID namespace (`PROC_PID_INIT_INO`, include/linux/proc_ns.h, since 3.8).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// The processes that `proc_root` lists, in the kernel's ascending order: their ids and directories.
///
/// # Errors
/// The directory can't be read.
pub fn below(proc_root: &Path) -> io::Result<impl Iterator<Item = (u32, PathBuf)>> {
    let entries = fs::read_dir(proc_root)?.collect::<io::Result<Vec<_>>>()?;
    let process = |entry: fs::DirEntry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()));
    Ok(entries.into_iter().filter_map(process))
}

/// Calls `found` with the name and the link target of each open file of a process. `process` is its directory in /proc.
///
/// # Errors
/// The process has ended, or this process may not read its files.
pub fn each_file(process: &Path, mut found: impl FnMut(&OsStr, &[u8])) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let files = openat(CWD, process.join("fd"), flags, Mode::empty())?;
    let mut target = Vec::new();
    for entry in Dir::read_from(&files)? {
        let entry = entry?;
        // The file may be closed by now.
        let Ok(link) = readlinkat(&files, entry.file_name(), target) else {
            target = Vec::new();
            continue;
        };
        found(OsStr::from_bytes(entry.file_name().to_bytes()), link.as_bytes());
        target = link.into_bytes();
    }
    Ok(())
}

/// The inode number in a link target like `socket:[12345]`; None for another file.
pub fn socket(link: &[u8]) -> Option<NonZero<u64>> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The name of a process's main thread. `process` is its directory in /proc.
///
/// # Errors
/// The process has ended.
pub fn comm(process: &Path) -> io::Result<Comm> {
    let text = fs::read(process.join("comm"))?;
    let name = text.strip_suffix(b"\n").unwrap_or(&text);
    let mut comm = [0; 16];
    let length = name.len().min(comm.len() - 1);
    comm[..length].copy_from_slice(&name[..length]);
    Ok(Comm::new(comm))
}

/// Whether this process is in the host's initial PID namespace; None if /proc doesn't show its namespace.
pub fn in_initial_pid_namespace() -> Option<bool> {
    let own = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(own.as_os_str() == INITIAL_PID_NAMESPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_s_link_target_has_an_inode_number() {
        assert_eq!(socket(b"socket:[4711]"), NonZero::new(4711));
        for link in [
            &b"pipe:[4711]"[..],
            b"socket:[]",
            b"socket:[47",
            b"/socket:[47]",
            b"socket:[-1]",
            b"socket:[0]",
            b"",
        ] {
            assert_eq!(socket(link), None);
        }
    }

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        let gone = Path::new("/proc/4294967295");
        assert!(comm(gone).is_err() && each_file(gone, |_, _| {}).is_err());
    }
}
