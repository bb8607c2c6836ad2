//! Reads processes from /proc: their ids, threads, names and users.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::model::Comm;

/// The inode number of the initial PID namespace (`PROC_PID_INIT_INO`, include/linux/proc_ns.h, since 3.8).
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";
/// The inode number of the initial user namespace (`PROC_USER_INIT_INO`, include/linux/proc_ns.h, since 3.8).
const INITIAL_USER_NAMESPACE: &str = "user:[4026531837]";

/// A thread: its id, and its directory in /proc.
#[derive(Debug)]
pub struct Task {
    /// Its id.
    pub id: u32,
    /// Its directory.
    pub directory: PathBuf,
}

/// The processes that `proc_root` lists, in the kernel's ascending order: their ids and directories.
///
/// # Errors
/// The directory can't be read.
pub fn below(proc_root: &Path) -> io::Result<impl Iterator<Item = (u32, PathBuf)> + use<>> {
    let entries = fs::read_dir(proc_root)?.collect::<io::Result<Vec<_>>>()?;
    let process = |entry: fs::DirEntry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path()));
    Ok(entries.into_iter().filter_map(process))
}

/// The threads of a process, the main thread first. `process` is its directory in /proc.
///
/// # Errors
/// The process has ended, or this process may not see its threads.
pub fn tasks(process: &Path) -> io::Result<Vec<Task>> {
    match below(&process.join("task")) {
        Ok(tasks) => Ok(tasks.map(|(id, directory)| Task { id, directory }).collect()),
        // A copy of a proc file system may lack the threads.
        Err(error) if error.kind() == io::ErrorKind::NotFound && process.is_dir() => {
            Ok(vec![Task { id: 0, directory: process.to_owned() }])
        }
        Err(error) => Err(error),
    }
}

/// The name of a process: that of its main thread. `process` is its directory in /proc.
///
/// # Errors
/// The process has ended.
pub fn comm(process: &Path) -> io::Result<Comm> {
    let text = fs::read(process.join("comm"))?;
    Ok(to_comm(text.strip_suffix(b"\n").unwrap_or(&text)))
}

/// A process's name, and when it was started: this tells it from another one that has got its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name.
    pub comm: Comm,
    /// Clock ticks between the boot of the host and its start.
    pub started: u64,
    /// Whether all of its threads have exited: it holds no file.
    pub has_exited: bool,
}

/// Reads who a process is. `process` is its directory in /proc.
///
/// # Errors
/// The process has ended.
pub fn identity(process: &Path) -> io::Result<Identity> {
    match fs::read(process.join("stat")) {
        Ok(stat) => parse_identity(&stat).ok_or_else(|| io::ErrorKind::InvalidData.into()),
        // A copy of a proc file system may have no more than the name.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Identity { comm: comm(process)?, started: 0, has_exited: false })
        }
        Err(error) => Err(error),
    }
}

/// Parses /proc/PID/stat (proc_pid_stat(5)). The name, in parentheses, may contain any byte.
pub(crate) fn parse_identity(stat: &[u8]) -> Option<Identity> {
    // Field 20 is the number of threads, field 22 the start; the state, behind the name, is field 3.
    const THREADS: usize = 20 - 3;
    const STARTED: usize = 22 - 3;
    let begin = stat.iter().position(|byte| *byte == b'(')? + 1;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let fields: Vec<&str> = str::from_utf8(&stat[end + 1..]).ok()?.split_ascii_whitespace().collect();
    let threads: u32 = fields.get(THREADS)?.parse().ok()?;
    Some(Identity {
        comm: to_comm(stat.get(begin..end)?),
        started: fields.get(STARTED)?.parse().ok()?,
        // A main thread that has exited waits for the other threads as a zombie.
        has_exited: matches!(fields[0], "Z" | "X") && threads <= 1,
    })
}

/// Whether a process or thread can have open files: a kernel thread has none, nor has one that has exited. `process` is its
/// directory in /proc. True if that can't be read.
pub fn can_have_files(process: &Path) -> bool {
    fs::read(process.join("stat")).ok().and_then(|stat| parse_can_have_files(&stat)).unwrap_or(true)
}

pub(crate) fn parse_can_have_files(stat: &[u8]) -> Option<bool> {
    /// A thread of the kernel (include/linux/sched.h).
    const PF_KTHREAD: u64 = 0x0020_0000;
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = stat[end + 1..].split(|byte| *byte == b' ').filter(|field| !field.is_empty());
    let state = fields.next()?;
    let flags: u64 = str::from_utf8(fields.nth(5)?).ok()?.parse().ok()?;
    Some(state != b"Z" && state != b"X" && flags & PF_KTHREAD == 0)
}

/// The real user id of a process. `process` is its directory in /proc.
///
/// # Errors
/// The process has ended, or the file is malformed.
pub fn user(process: &Path) -> io::Result<u32> {
    let status = fs::read(process.join("status"))?;
    parse_user(&status).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Parses /proc/PID/status (proc_pid_status(5)). The name on its first line may have bytes that are not UTF-8; the kernel
/// escapes line breaks in it.
pub(crate) fn parse_user(status: &[u8]) -> Option<u32> {
    let ids = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    let real = ids.split(u8::is_ascii_whitespace).find(|field| !field.is_empty())?;
    str::from_utf8(real).ok()?.parse().ok()
}

fn to_comm(name: &[u8]) -> Comm {
    let mut comm = [0; 16];
    let length = name.len().min(comm.len() - 1);
    comm[..length].copy_from_slice(&name[..length]);
    Comm::new(comm)
}

/// Whether this process is in the host's initial PID namespace; None if /proc doesn't show its namespace.
pub fn in_initial_pid_namespace() -> Option<bool> {
    let own = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(own.as_os_str() == INITIAL_PID_NAMESPACE)
}

/// Whether this process is in the host's initial user namespace; None if /proc doesn't show its namespace.
pub fn in_initial_user_namespace() -> Option<bool> {
    let own = fs::read_link("/proc/self/ns/user").ok()?;
    Some(own.as_os_str() == INITIAL_USER_NAMESPACE)
}

/// Whether a proc file system lists the processes of the host's initial PID namespace, which are all processes; None if
/// that is not known.
pub fn lists_all(proc_root: &Path) -> Option<bool> {
    // Process 1 is the first one of the PID namespace that the file system belongs to.
    let first = fs::read_link(proc_root.join("1/ns/pid")).ok();
    if let Some(namespace) = first {
        return Some(namespace.as_os_str() == INITIAL_PID_NAMESPACE);
    }
    let own = fs::read_link(proc_root.join("self/ns/pid")).ok()?;
    // The file system's namespace is that of this process, or one that contains it.
    (own.as_os_str() == INITIAL_PID_NAMESPACE || has_own_ids(proc_root))
        .then(|| own.as_os_str() == INITIAL_PID_NAMESPACE)
}

/// Whether the ids in a proc file system are those that this process's system calls take.
pub fn has_own_ids(proc_root: &Path) -> bool {
    // The ids of this process, from the file system's PID namespace down to its own (since 4.1).
    let status = fs::read(proc_root.join("self/status")).unwrap_or_default();
    let ids = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"));
    let own = std::process::id().to_string();
    ids.is_some_and(|ids| ids.trim_ascii() == own.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_does_not_exist_is_an_error() {
        let gone = Path::new("/proc/4294967295");
        assert!(
            comm(gone).is_err() && identity(gone).is_err() && user(gone).is_err() && tasks(gone).is_err()
        );
    }

    #[test]
    fn this_process_has_a_name_a_user_and_a_start() {
        let own = Path::new("/proc/self");
        let Identity { comm: name, started, has_exited } = identity(own).unwrap();
        assert_eq!(name, comm(own).unwrap());
        assert!(started > 0 && !has_exited);
        assert_eq!(user(own).unwrap(), rustix::process::getuid().as_raw());
        assert!(tasks(own).unwrap().iter().any(|task| task.id == std::process::id()));
        assert!(has_own_ids(Path::new("/proc")));
    }

    #[test]
    fn a_name_with_any_bytes_hides_neither_the_start_nor_the_user() {
        for name in [&b"nginx"[..], b"a) S 1 (b", b"\xff\xfe", b"x y\n) R", b"", b"((("] {
            let stat =
                [b"812 (", name, b") S 1 812 812 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n"].concat();
            let Identity { comm, started, has_exited: false } = parse_identity(&stat).unwrap() else {
                panic!()
            };
            assert_eq!((comm.as_bytes(), started), (name, 4711));
        }
        let status = b"Name:\t\xff\xfe\nUmask:\t0022\nUid:\t33\t0\t0\t0\nGid:\t5\t5\t5\t5\n";
        assert_eq!(parse_user(status), Some(33));
    }

    #[test]
    fn a_kernel_thread_and_a_process_that_has_exited_have_no_files() {
        for (stat, expected) in [
            (&b"1 (init) S 0 1 1 0 -1 4194560 1"[..], Some(true)),
            (b"2 (kthreadd) S 0 0 0 0 -1 2129984 1", Some(false)),
            (b"9 (a) S 0 (b) Z 1 9 9 0 -1 4194560 1", Some(false)),
            (b"9 (a) S 1 9", None),
        ] {
            assert_eq!(parse_can_have_files(stat), expected);
        }
        assert!(can_have_files(Path::new("/proc/self")) && can_have_files(Path::new("/proc/4294967295")));
    }

    #[test]
    fn a_truncated_file_has_no_start_and_no_user() {
        let exited = |threads| {
            let stat = format!("9 (a) Z 1 9 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 {threads} 0 4711 0");
            parse_identity(stat.as_bytes()).unwrap().has_exited
        };
        assert!(exited(1) && !exited(2));
        for stat in [&b""[..], b"812 (nginx", b"812 (nginx) S 1 812", b"812 )nginx( S"] {
            assert_eq!(parse_identity(stat), None);
        }
        for status in [&b""[..], b"Name:\tx\n", b"Uid:\n", b"Uid:\t-1\n"] {
            assert_eq!(parse_user(status), None);
        }
    }
}
