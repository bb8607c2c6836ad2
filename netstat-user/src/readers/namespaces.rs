//! Finds and enters network namespaces. The kernel has no list of all of them: a namespace exists as long as a process
//! is in it, it is mounted, or a process holds it or one of its sockets by a file.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    },
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use rustix::{
    fs::{FsWord, Mode, OFlags, fstat, fstatfs},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::processes;

/// Magic number of the namespaces' file system (include/uapi/linux/magic.h, 3.19).
pub const NSFS_MAGIC: FsWord = 0x6e73_6673;

/// Inode number of a network namespace, and a path that leads to it. The path may lead elsewhere by the time it is opened.
pub type NamespacePath = (u32, PathBuf);

/// Opens the calling thread's own namespace.
pub fn own() -> io::Result<File> {
    File::open("/proc/thread-self/ns/net")
}

/// The namespaces of all processes that `proc_root` lists, each once for each of its processes. Leaves out processes that
/// this process may not inspect.
///
/// # Errors
/// `proc_root` can't be read.
pub fn of_processes(proc_root: &Path) -> io::Result<impl Iterator<Item = NamespacePath>> {
    Ok(processes::below(proc_root)?.filter_map(|(_, process)| link_target(process.join("ns/net"))))
}

/// The namespaces that the processes which `proc_root` lists hold by an open file. Leaves out processes that this process
/// may not inspect.
///
/// # Errors
/// `proc_root` can't be read.
pub fn held_by_files(proc_root: &Path) -> io::Result<impl Iterator<Item = NamespacePath>> {
    Ok(processes::below(proc_root)?.flat_map(|(_, process)| {
        let mut paths = Vec::new();
        let _ended_or_not_permitted = processes::each_file(&process, |name, link| {
            paths.extend(inode(link).map(|number| (number, process.join("fd").join(name))));
        });
        paths
    }))
}

/// The namespaces that are mounted, as `ip netns` and container runtimes do it.
///
/// # Errors
/// The list of mounts can't be read.
pub fn mounted() -> io::Result<impl Iterator<Item = NamespacePath>> {
    let mounts = fs::read("/proc/thread-self/mountinfo")?;
    let paths: Vec<NamespacePath> = mounts.split(|byte| *byte == b'\n').filter_map(mounted_at).collect();
    Ok(paths.into_iter())
}

/// The namespace that a process holds by an open file; None if the file is something else.
pub fn of_file(pid: u32, fd: u32) -> Option<NamespacePath> {
    link_target(PathBuf::from(format!("/proc/{pid}/fd/{fd}")))
}

/// Opens the namespace of this number, and no other file: the path may lead to a device or a pipe by now, which may block
/// or have a side effect when it is opened.
///
/// # Errors
/// `NotFound` if the path leads elsewhere by now; else what the kernel says.
pub fn open(number: u32, path: &Path) -> io::Result<File> {
    let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let is_namespace = fstatfs(&file)?.f_type == NSFS_MAGIC;
    if !is_namespace || u64::from(number) != fstat(&file)?.st_ino {
        return Err(io::ErrorKind::NotFound.into());
    }
    File::open(format!("/proc/thread-self/fd/{}", file.as_raw_fd()))
}

/// Opens the namespace of a socket that a process holds. Duplicates the socket's descriptor for a moment.
///
/// # Errors
/// The process has ended, the descriptor is closed or no socket, or this process may not inspect the other one.
pub fn of_socket(pid: u32, fd: u32) -> io::Result<File> {
    // _IO number 0x894C, include/uapi/linux/sockios.h, 4.9.
    const SIOCGSKNS: libc::Ioctl = 0x894c;
    let no_process = || io::Error::from(io::ErrorKind::NotFound);
    let pid = Pid::from_raw(pid.cast_signed()).ok_or_else(no_process)?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    let socket = pidfd_getfd(process, fd.cast_signed(), PidfdGetfdFlags::empty())?;
    // SAFETY: the request takes no argument; on anything but a socket it fails.
    let namespace = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGSKNS) };
    if namespace < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above created the descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(namespace) }.into())
}

/// The inode number of an open namespace.
pub fn number(namespace: &File) -> io::Result<u32> {
    let inode = namespace.metadata()?.ino();
    u32::try_from(inode).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

/// Moves the calling thread, and no other, into a network namespace.
///
/// # Errors
/// The file is no network namespace, or CAP_SYS_ADMIN is missing in the user namespace of this process or of the network
/// namespace.
pub fn enter(namespace: &File) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Runs `work` in a network namespace, on a thread of its own.
///
/// # Errors
/// The namespace can't be entered, the thread can't be started, or the error of `work`.
pub fn within<T, E>(namespace: &File, work: impl FnOnce() -> Result<T, E> + Send) -> Result<T, E>
where
    T: Send,
    E: From<io::Error> + Send,
{
    let visit = || {
        enter(namespace)?;
        work()
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, visit)?;
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The namespace that a link like `net:[4026531840]` leads to.
fn link_target(path: PathBuf) -> Option<NamespacePath> {
    let target = fs::read_link(&path).ok()?;
    Some((inode(target.as_os_str().as_encoded_bytes())?, path))
}

/// The inode number in a name like `net:[4026531840]`.
pub fn inode(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// The network namespace in a line of mountinfo (proc_pid_mountinfo(5)): the fourth field is its name, the fifth its mount
/// point.
fn mounted_at(line: &[u8]) -> Option<NamespacePath> {
    let mut fields = line.split(|byte| *byte == b' ').skip(3);
    Some((inode(fields.next()?)?, unescape(fields.next()?)))
}

/// Decodes a path in mountinfo, which writes blanks and backslashes as `\` and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut parts = field.split(|byte| *byte == b'\\');
    let mut path = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let (digits, plain) = part.split_at(part.len().min(3));
        path.extend(str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 8).ok()));
        path.extend(plain);
    }
    OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mounted_namespace_is_found_among_the_mounts() {
        for (line, path) in [
            (
                "36 35 0:4 net:[4026532281] /run/netns/blue rw shared:5 - nsfs nsfs rw",
                Some("/run/netns/blue"),
            ),
            ("36 35 0:4 net:[4026532281] /run/a\\040b\\134c rw - nsfs nsfs rw", Some("/run/a b\\c")),
            ("36 35 0:4 mnt:[4026532281] /run/other rw - nsfs nsfs rw", None),
            ("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw", None),
            ("torn", None),
        ] {
            assert_eq!(mounted_at(line.as_bytes()), path.map(|path| (4_026_532_281, path.into())), "{line}");
        }
    }

    #[test]
    fn the_namespace_of_this_process_is_among_those_of_all_processes() {
        let own = number(&own().unwrap()).unwrap();
        assert!(of_processes(Path::new("/proc")).unwrap().any(|(number, _)| number == own));
    }

    #[test]
    fn a_path_is_opened_only_if_it_leads_to_the_namespace_of_that_number() {
        let path = Path::new("/proc/self/ns/net");
        let own = number(&own().unwrap()).unwrap();
        assert_eq!(number(&open(own, path).unwrap()).unwrap(), own);
        assert!(open(own - 1, path).is_err());
        assert!(open(own, Path::new("/dev/null")).is_err());
    }

    #[test]
    fn a_file_that_is_no_namespace_and_no_socket_leads_to_none() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(of_file(std::process::id(), file.as_raw_fd().cast_unsigned()), None);
        assert!(of_socket(std::process::id(), file.as_raw_fd().cast_unsigned()).is_err());
    }
}
