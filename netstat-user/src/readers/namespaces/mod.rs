//! Finds and enters network namespaces. The kernel has no list of all of them: a namespace exists as long as a thread is
//! in it, it is mounted, or a process holds it or one of its sockets by a file.

mod path;
mod search;
mod sockets;

use std::{
    fs::File,
    io,
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    panic::resume_unwind,
    thread,
};

use rustix::{
    fs::FsWord,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

pub use self::{
    path::{NamespacePath, inode},
    search::{Search, mounted, of_file, of_processes},
    sockets::{SocketFile, of_socket, protocol},
};

/// Magic number of the namespaces' file system (include/uapi/linux/magic.h, 3.19).
pub const NSFS_MAGIC: FsWord = 0x6e73_6673;

/// Opens the calling thread's own namespace.
pub fn own() -> io::Result<File> {
    File::open("/proc/thread-self/ns/net")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_in_a_namespace_returns_its_result_and_its_error() {
        let own = own().unwrap();
        assert_eq!(number(&own).unwrap(), number(&File::open("/proc/self/ns/net").unwrap()).unwrap());
        let failed: io::Result<()> = within(&File::open("/dev/null").unwrap(), || Ok(()));
        assert!(failed.is_err());
    }
}
