//! One network namespace's tables of TCP sockets, as the kernel writes them.

use std::{
    fs::File,
    io::{self, ErrorKind},
    num::NonZero,
    path::{Path, PathBuf},
};

use crate::{
    model::{Endpoint, PolledSocket, State},
    readers::{
        namespaces,
        proc_net::{self, InetEntry},
    },
};

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
    pub(super) fn read(&self) -> io::Result<Vec<PolledSocket>> {
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
                    Tables::open(Path::new(proc_net::OWN_DIRECTORY))?.read(self.number)
                });
            }
        }
        Err(ErrorKind::NotFound.into())
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

    fn read(self, number: u32) -> io::Result<Vec<PolledSocket>> {
        let mut sockets = Vec::new();
        for (table, is_ipv6) in [(Some(self.tcp), false), (self.tcp6, true)] {
            let Some(table) = table else { continue };
            proc_net::for_each_line(table, |line| {
                let entry = InetEntry::parse(line, is_ipv6).ok_or(ErrorKind::InvalidData)?;
                sockets.extend(seen(&entry, number)?);
                io::Result::Ok(())
            })?;
        }
        Ok(sockets)
    }
}

/// None for a socket in CLOSE, which the kernel doesn't list anyway.
///
/// # Errors
/// The state is none that the kernel has.
fn seen(entry: &InetEntry, number: u32) -> io::Result<Option<PolledSocket>> {
    let end =
        |address: std::net::SocketAddr| Endpoint { addr: address.ip().to_canonical(), port: address.port() };
    let state = State::from_kernel(entry.state);
    match state {
        State::Unknown => return Err(ErrorKind::InvalidData.into()),
        State::Close => return Ok(None),
        _ => {}
    }
    let handle = NonZero::new(entry.inode);
    Ok(Some(PolledSocket {
        state,
        local: end(entry.local),
        remote: (state != State::Listen).then(|| end(entry.remote)),
        handle,
        owner: None,
        // The kernel writes 0 for a socket without a file.
        uid: handle.map(|_| entry.uid),
        netns: Some(number),
    }))
}
