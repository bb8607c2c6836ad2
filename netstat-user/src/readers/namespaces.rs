//! Finds and enters network namespaces. No one list has them all: a namespace lives as long as a process
//! is in it, a file system shows it, or a process holds it or a socket in it by a file.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
    thread,
};

use rustix::{
    fs::{FsWord, Mode, OFlags, fstat, fstatfs},
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::processes;

/// The file system of namespaces (include/uapi/linux/magic.h).
const NSFS_MAGIC: FsWord = 0x6e73_6673;

/// A network namespace's inode number, and where it can be opened as long as nothing changes.
pub type Place = (u32, PathBuf);

/// The calling thread's own namespace.
pub fn own() -> io::Result<File> {
    File::open("/proc/thread-self/ns/net")
}

/// The namespaces of all processes that can be seen below `proc_root`, each as often as it has processes.
pub fn of_processes(proc_root: &Path) -> impl Iterator<Item = Place> {
    processes::below(proc_root).filter_map(|(_, process)| linked(process.join("ns/net")))
}

/// The namespaces that processes which can be seen below `proc_root` hold by an open file.
pub fn held_by_files(proc_root: &Path) -> impl Iterator<Item = Place> {
    processes::below(proc_root).flat_map(|(_, process)| {
        let mut places = Vec::new();
        // What can't be read has gone, or is not for us.
        let _unreadable = processes::each_file(&process, |name, link| {
            places.extend(inode(link).map(|number| (number, process.join("fd").join(name))));
        });
        places
    })
}

/// The namespaces that are mounted somewhere, as `ip netns` and container runtimes do it.
pub fn mounted() -> impl Iterator<Item = Place> {
    let mounts = fs::read("/proc/thread-self/mountinfo").unwrap_or_default();
    let places: Vec<Place> = mounts.split(|byte| *byte == b'\n').filter_map(mounted_at).collect();
    places.into_iter()
}

/// The namespace that a process holds by an open file; None if the file is something else.
pub fn held_open(pid: u32, fd: u32) -> Option<Place> {
    linked(PathBuf::from(format!("/proc/{pid}/fd/{fd}")))
}

/// Opens the namespace of this number and nothing else: a process may have opened another file at the path by now,
/// and opening a device or a pipe may wait, or do something.
///
/// # Errors
/// It is not there any more, or we may not open it.
pub fn open(number: u32, path: &Path) -> io::Result<File> {
    let there = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    let is_namespace = fstatfs(&there)?.f_type == NSFS_MAGIC;
    if !is_namespace || u64::from(number) != fstat(&there)?.st_ino {
        return Err(io::ErrorKind::NotFound.into());
    }
    File::open(format!("/proc/thread-self/fd/{}", there.as_raw_fd()))
}

/// The namespace of a socket that a process holds: by a copy of its descriptor, which goes again at once.
///
/// # Errors
/// The process or its file is gone or no socket, or we may not look into it.
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
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(namespace) }.into())
}

/// The inode number of an open namespace, by which the kernel names it.
pub fn number(namespace: &File) -> io::Result<u32> {
    let inode = namespace.metadata()?.ino();
    u32::try_from(inode).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))
}

/// Moves the calling thread, and only it, into a network namespace.
///
/// # Errors
/// It is no network namespace, or CAP_SYS_ADMIN is lacking here or there.
pub fn enter(namespace: &File) -> io::Result<()> {
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Looks from within a network namespace, on a thread that ends there.
///
/// # Errors
/// It can't be entered, or those of `look`.
pub fn within<T, E>(namespace: &File, look: impl FnOnce() -> Result<T, E> + Send) -> Result<T, E>
where
    T: Send,
    E: From<io::Error> + Send,
{
    let visit = || {
        enter(namespace)?;
        look()
    };
    let failed = |_| Err(io::Error::other("the look at a network namespace failed").into());
    thread::scope(|scope| scope.spawn(visit).join().unwrap_or_else(failed))
}

/// What a link like `net:[4026531840]` means.
fn linked(path: PathBuf) -> Option<Place> {
    let target = fs::read_link(&path).ok()?;
    Some((inode(target.as_os_str().as_encoded_bytes())?, path))
}

/// The inode number in a name like `net:[4026531840]`.
pub fn inode(name: &[u8]) -> Option<u32> {
    let digits = name.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// What a line of mountinfo (proc_pid_mountinfo(5)) means: its fourth field is the namespace's name, its
/// fifth where that is mounted.
fn mounted_at(line: &[u8]) -> Option<Place> {
    let mut fields = line.split(|byte| *byte == b' ').skip(3);
    Some((inode(fields.next()?)?, unescape(fields.next()?)))
}

/// A path as mountinfo writes it: blanks and backslashes as `\` and three octal digits.
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
        for (line, place) in [
            (
                "36 35 0:4 net:[4026532281] /run/netns/blue rw shared:5 - nsfs nsfs rw",
                Some("/run/netns/blue"),
            ),
            ("36 35 0:4 net:[4026532281] /run/a\\040b\\134c rw - nsfs nsfs rw", Some("/run/a b\\c")),
            ("36 35 0:4 mnt:[4026532281] /run/other rw - nsfs nsfs rw", None),
            ("22 1 254:0 / / rw,relatime - ext4 /dev/vda rw", None),
            ("torn", None),
        ] {
            assert_eq!(mounted_at(line.as_bytes()), place.map(|path| (4_026_532_281, path.into())), "{line}");
        }
    }

    #[test]
    fn the_own_namespace_is_among_those_of_the_processes() {
        let own = number(&own().unwrap()).unwrap();
        assert!(of_processes(Path::new("/proc")).any(|(number, _)| number == own));
    }

    #[test]
    fn only_the_namespace_that_was_found_is_opened() {
        let path = Path::new("/proc/self/ns/net");
        let own = number(&own().unwrap()).unwrap();
        assert_eq!(number(&open(own, path).unwrap()).unwrap(), own);
        assert!(open(own - 1, path).is_err());
        assert!(open(own, Path::new("/dev/null")).is_err());
    }

    #[test]
    fn a_file_that_is_no_namespace_is_none() {
        let file = File::open("/dev/null").unwrap();
        assert_eq!(held_open(std::process::id(), file.as_raw_fd().cast_unsigned()), None);
        assert!(of_socket(std::process::id(), file.as_raw_fd().cast_unsigned()).is_err());
    }
}
