//! The network namespaces of sockets that processes hold.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use rustix::{
    fs::getxattr,
    io::Errno,
    process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open},
};

use crate::readers::processes;

/// A socket's descriptor in a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketFile {
    /// The process, by an id that this process's system calls take.
    pub pid: u32,
    /// The number of the descriptor.
    pub fd: u32,
}

/// Opens the namespace of a socket that a process holds, in the table of its main thread or of another thread.
/// `is_wanted` decides by an inode number whether a namespace is the right one: another socket may have the descriptor by
/// now. Duplicates the socket's descriptor for a moment.
///
/// # Errors
/// The process has ended, the descriptor is closed or no socket, or this process may not inspect the other one.
pub fn of_socket(file: &SocketFile, is_wanted: impl Fn(u32) -> bool) -> io::Result<File> {
    let first = open(file.pid, PidfdFlags::empty(), file.fd);
    if let Ok(namespace) = &first
        && is_wanted(super::number(namespace)?)
    {
        return first;
    }
    for task in processes::tasks(&PathBuf::from(format!("/proc/{}", file.pid)))? {
        // A thread with its own file table can be named since 6.9 (PIDFD_THREAD is O_EXCL, include/uapi/linux/pidfd.h).
        let thread = PidfdFlags::from_bits_retain(libc::O_EXCL.cast_unsigned());
        if task.id != file.pid
            && let Ok(namespace) = open(task.id, thread, file.fd)
            && is_wanted(super::number(&namespace)?)
        {
            return Ok(namespace);
        }
    }
    first.and(Err(io::ErrorKind::NotFound.into()))
}

fn open(id: u32, flags: PidfdFlags, fd: u32) -> io::Result<File> {
    // _IO number 0x894C, include/uapi/linux/sockios.h, 4.9.
    const SIOCGSKNS: libc::Ioctl = 0x894c;
    let id = Pid::from_raw(id.cast_signed()).ok_or(io::ErrorKind::NotFound)?;
    let process = pidfd_open(id, flags)?;
    let socket = pidfd_getfd(process, fd.cast_signed(), PidfdGetfdFlags::empty())?;
    // SAFETY: the request takes no argument; on anything but a socket it fails.
    let namespace = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGSKNS) };
    if namespace < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above created the descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(namespace) }.into())
}

/// The kernel's name of the protocol of a socket, like `TCPv6`, `UDP` or `UNIX` (`sockfs_xattr_get`, net/socket.c). `path`
/// is a link in /proc/PID/fd.
///
/// # Errors
/// The descriptor is closed or no socket, or this process may not inspect the other one.
pub fn protocol(path: &Path) -> io::Result<Vec<u8>> {
    let mut name = [0; 64];
    let length = getxattr(path, "system.sockprotoname", &mut name[..])?;
    let name = name.get(..length).ok_or(Errno::RANGE)?;
    Ok(name.strip_suffix(b"\0").unwrap_or(name).to_vec())
}

#[cfg(test)]
mod tests {
    use std::{
        net::{TcpListener, UdpSocket},
        os::{fd::AsRawFd, unix::net::UnixDatagram},
    };

    use super::*;

    fn path(socket: &impl AsRawFd) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", socket.as_raw_fd()))
    }

    #[test]
    fn a_socket_has_the_name_of_its_protocol() {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        assert_eq!(protocol(&path(&tcp)).unwrap(), b"TCP");
        assert_eq!(protocol(&path(&udp)).unwrap(), b"UDP");
        let unix = protocol(&path(&UnixDatagram::unbound().unwrap())).unwrap();
        assert!(unix.starts_with(b"UNIX"), "{unix:?}");
        assert!(protocol(&path(&File::open("/dev/null").unwrap())).is_err());
    }

    #[test]
    fn a_file_that_is_no_socket_has_no_namespace() {
        let file = File::open("/dev/null").unwrap();
        let fd = file.as_raw_fd().cast_unsigned();
        assert!(of_socket(&SocketFile { pid: std::process::id(), fd }, |_| true).is_err());
    }
}
