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

/// A network namespace, and where its tables can be read.
#[derive(Debug)]
pub(super) struct Namespace {
    /// Its inode number.
    pub(super) number: u32,
    /// Directories with the namespace's `tcp` and `tcp6`: one for each process in it.
    pub(super) directories: Vec<PathBuf>,
    /// Paths at which the namespace itself can be opened: mounts, and files of processes.
    pub(super) paths: Vec<PathBuf>,
}

impl Namespace {
    /// A namespace without a known path.
    pub(super) fn new(number: u32) -> Self {
        Self { number, directories: Vec::new(), paths: Vec::new() }
    }

    /// Whether its tables can be opened in a process's directory.
    pub(super) fn opens(&self) -> bool {
        self.directories.iter().any(|directory| Tables::open(directory).is_ok())
    }

    /// Its sockets.
    ///
    /// # Errors
    /// The namespace can't be opened at any of its paths, or a table is malformed: nothing is known about its sockets.
    pub(super) fn read(&self) -> io::Result<Vec<PolledSocket>> {
        let mut last_error = ErrorKind::NotFound.into();
        for directory in &self.directories {
            // The process may have ended, or have entered another namespace.
            match Tables::open(directory) {
                Ok(tables) => return tables.read(self.number),
                Err(error) => last_error = error,
            }
        }
        for path in &self.paths {
            // The mount or the file may be gone.
            match namespaces::open(self.number, path) {
                Ok(namespace) => {
                    return namespaces::within(&namespace, || {
                        Tables::open(Path::new(proc_net::OWN_DIRECTORY))?.read(self.number)
                    });
                }
                Err(error) => last_error = error,
            }
        }
        Err(last_error)
    }
}

/// Both tables, open: they stay those of one namespace, even if the process enters another.
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
            // If the process is gone, `tcp` is missing too.
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
