//! One network namespace's tables of TCP sockets, as the kernel writes them.

use std::{
    fs::File,
    io::{self, BufReader, ErrorKind},
    num::NonZero,
    path::{Path, PathBuf},
};

use procfs::{
    FromBufReadSI as _, ProcResult, current_system_info,
    net::{TcpNetEntries, TcpNetEntry},
};

use crate::{
    model::{Endpoint, PolledSocket, State},
    readers::namespaces,
};

/// The kernel writes a page at a time; a larger buffer saves nothing but copies.
const BUFFER_BYTES: usize = 64 << 10;

/// A network namespace and the ways to it.
#[derive(Debug)]
pub(super) struct Namespace {
    /// Its inode number.
    pub(super) number: u32,
    /// Directories with the namespace's `tcp` and `tcp6`: one of each process in it.
    pub(super) directories: Vec<PathBuf>,
    /// Where the namespace itself can be opened: mounts, and processes' files.
    pub(super) doors: Vec<PathBuf>,
}

impl Namespace {
    /// To which no way is known yet.
    pub(super) fn new(number: u32) -> Self {
        Self { number, directories: Vec::new(), doors: Vec::new() }
    }

    /// Whether a way by a process leads to its tables.
    pub(super) fn opens(&self) -> bool {
        self.directories.iter().any(|directory| Tables::open(directory).is_ok())
    }

    /// Its sockets.
    ///
    /// # Errors
    /// None of the ways leads there any more, or a table is torn: then nothing is known of it.
    pub(super) fn read(&self) -> ProcResult<Vec<PolledSocket>> {
        for directory in &self.directories {
            // A process may have ended, or have moved elsewhere.
            if let Ok(tables) = Tables::open(directory) {
                return tables.read(self.number);
            }
        }
        for door in &self.doors {
            // A mount or a file may have gone.
            if let Ok(namespace) = namespaces::open(self.number, door) {
                return namespaces::within(&namespace, || {
                    Tables::open(Path::new("/proc/thread-self/net"))?.read(self.number)
                });
            }
        }
        Err(io::Error::from(ErrorKind::NotFound).into())
    }
}

/// Both tables, open: from now on they stay those of the same namespace.
struct Tables {
    tcp: File,
    /// None where the kernel has no IPv6.
    tcp6: Option<File>,
}

impl Tables {
    fn open(directory: &Path) -> io::Result<Self> {
        let tcp = directory.join("tcp");
        let opened = File::open(&tcp)?;
        let tcp6 = match File::open(directory.join("tcp6")) {
            // Not so if it is the process that is gone.
            Err(error) if error.kind() == ErrorKind::NotFound && tcp.exists() => None,
            tcp6 => Some(tcp6?),
        };
        Ok(Self { tcp: opened, tcp6 })
    }

    fn read(self, number: u32) -> ProcResult<Vec<PolledSocket>> {
        let mut sockets = Vec::new();
        for table in [Some(self.tcp), self.tcp6].into_iter().flatten() {
            let reader = BufReader::with_capacity(BUFFER_BYTES, table);
            let TcpNetEntries(entries) = TcpNetEntries::from_buf_read(reader, current_system_info())?;
            sockets.extend(entries.iter().filter_map(|entry| seen(entry, number)));
        }
        Ok(sockets)
    }
}

/// None for a socket without a connection, which the kernel doesn't list anyway.
fn seen(entry: &TcpNetEntry, number: u32) -> Option<PolledSocket> {
    let end =
        |address: std::net::SocketAddr| Endpoint { addr: address.ip().to_canonical(), port: address.port() };
    let state = State::from_kernel(entry.state.to_u8());
    if matches!(state, State::Close | State::Unknown) {
        return None;
    }
    let handle = NonZero::new(entry.inode);
    Some(PolledSocket {
        state,
        local: end(entry.local_address),
        remote: (state != State::Listen).then(|| end(entry.remote_address)),
        handle,
        owner: None,
        // Where no process has the socket the kernel writes 0 (`get_timewait4_sock`, net/ipv4/tcp_ipv4.c).
        uid: handle.map(|_| entry.uid),
        netns: Some(number),
    })
}
