//! One network namespace's tables of TCP sockets, as the kernel writes them.

use std::{
    fs::File,
    io::{self, ErrorKind},
    num::NonZero,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::super::poll::Stop;
use crate::{
    model::{Endpoint, PolledSocket, State},
    readers::{
        errors,
        namespaces::{self, NamespacePath, SocketFile},
        proc_net::{self, InetEntry},
    },
};

/// After how many lines a poll looks whether it has to stop.
const LINES_BETWEEN_CHECKS: usize = 256;

/// A network namespace, and where its tables can be read.
#[derive(Debug)]
pub(super) struct Namespace {
    /// Its inode number.
    pub(super) number: u32,
    /// Processes and threads in it: their directories in /proc.
    pub(super) inhabitants: Vec<PathBuf>,
    /// Paths at which the namespace itself can be opened: mounts, and files of processes.
    pub(super) paths: Vec<NamespacePath>,
    /// A socket in it.
    pub(super) socket: Option<SocketFile>,
}

impl Namespace {
    /// A namespace without a known path.
    pub(super) fn new(number: u32) -> Self {
        Self { number, inhabitants: Vec::new(), paths: Vec::new(), socket: None }
    }

    /// Whether its tables can be opened in a process's directory.
    pub(super) fn opens(&self) -> bool {
        self.inhabitants.iter().any(|inhabitant| Tables::open(&net_directory(inhabitant)).is_ok())
    }

    /// Its sockets: the first ones, if there is not room for all of them.
    ///
    /// # Errors
    /// The namespace can't be opened at any of its paths, a table can't be read, or `stop` is due: nothing is known about
    /// its sockets.
    pub(super) fn read(&self, stop: &Stop, room: usize) -> io::Result<Found> {
        let mut last_error = ErrorKind::NotFound.into();
        for inhabitant in &self.inhabitants {
            // The process may have ended, or have entered another namespace.
            match self.open_tables_of(inhabitant) {
                Ok(tables) => return tables.read(self.number, stop, room),
                Err(error) => last_error = error,
            }
        }
        for path in &self.paths {
            // The mount or the file may be gone.
            match path.open() {
                Ok(namespace) => return self.read_within(&namespace, stop, room),
                Err(error) => last_error = worse(last_error, error),
            }
        }
        if let Some(socket) = &self.socket {
            match namespaces::of_socket(socket, |number| number == self.number) {
                Ok(namespace) => return self.read_within(&namespace, stop, room),
                Err(error) => last_error = worse(last_error, error),
            }
        }
        Err(last_error)
    }

    fn open_tables_of(&self, inhabitant: &Path) -> io::Result<Tables> {
        let tables = Tables::open(&net_directory(inhabitant))?;
        match NamespacePath::of_inhabitant(inhabitant)? {
            Some(path) if path.number == self.number => Ok(tables),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }

    fn read_within(&self, namespace: &File, stop: &Stop, room: usize) -> io::Result<Found> {
        namespaces::within(namespace, || {
            Tables::open(Path::new(proc_net::OWN_DIRECTORY))?.read(self.number, stop, room)
        })
    }
}

/// Opens a table. Below `--proc-root` there may be anything: the open of a FIFO without a writer would wait for one.
fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// The directory with the tables of the namespace that a process or thread is in.
fn net_directory(inhabitant: &Path) -> PathBuf {
    inhabitant.join("net")
}

/// Of two errors the one that is about the namespace, not about a path that is gone.
fn worse(first: io::Error, second: io::Error) -> io::Error {
    if errors::is_gone(&second) && !errors::is_gone(&first) { first } else { second }
}

/// The sockets of a namespace.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) sockets: Vec<PolledSocket>,
    /// How many more there are, for which there is no room.
    pub(super) beyond: usize,
    /// What the tables have beside them that is no socket: each with its file, for the user. The lines around it are sockets.
    pub(super) lost: Vec<String>,
}

/// Both tables, open: they stay those of one namespace, even if the process enters another.
struct Tables {
    directory: PathBuf,
    tcp: File,
    /// None where the kernel has no IPv6.
    tcp6: Option<File>,
}

impl Tables {
    fn open(directory: &Path) -> io::Result<Self> {
        let tcp = directory.join("tcp");
        let opened = open(&tcp)?;
        let tcp6 = match open(&directory.join("tcp6")) {
            // If the process is gone, `tcp` is missing too.
            Err(error) if error.kind() == ErrorKind::NotFound && tcp.exists() => None,
            tcp6 => Some(tcp6?),
        };
        Ok(Self { directory: directory.to_owned(), tcp: opened, tcp6 })
    }

    fn read(self, number: u32, stop: &Stop, room: usize) -> io::Result<Found> {
        let mut found = Found::default();
        for (table, name, is_ipv6) in [(Some(self.tcp), "tcp", false), (self.tcp6, "tcp6", true)] {
            let Some(table) = table else { continue };
            let (mut lines, mut malformed, mut first) = (0_usize, 0_usize, 0);
            let read = proc_net::for_each_line(table, |line| {
                if lines.is_multiple_of(LINES_BETWEEN_CHECKS) {
                    stop.check()?;
                }
                lines += 1;
                match InetEntry::parse(line, is_ipv6).and_then(|entry| seen(&entry, number)) {
                    Some(None) => {}
                    Some(Some(_)) if found.sockets.len() >= room => found.beyond += 1,
                    Some(Some(socket)) => found.sockets.push(socket),
                    None => {
                        malformed += 1;
                        first = if malformed == 1 { lines } else { first };
                    }
                }
                io::Result::Ok(())
            });
            let path = self.directory.join(name);
            if malformed > 0 {
                let noun = if malformed == 1 { "line" } else { "lines" };
                found.lost.push(format!(
                    "{malformed} {noun} of {} can't be parsed, the first is line {first}",
                    path.display()
                ));
            }
            match read {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    found.lost.push(format!("{}: {error}", path.display()));
                }
                // The process may have ended: that is not an error of the file.
                Err(error) if errors::is_gone(&error) => return Err(error),
                Err(error) => {
                    return Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())));
                }
                Ok(()) => {}
            }
        }
        Ok(found)
    }
}

/// None if the state is none that the kernel has; Some(None) for a socket in CLOSE, which the kernel doesn't list anyway.
fn seen(entry: &InetEntry, number: u32) -> Option<Option<PolledSocket>> {
    let end =
        |address: std::net::SocketAddr| Endpoint { addr: address.ip().to_canonical(), port: address.port() };
    let state = State::from_kernel(entry.state);
    match state {
        State::Unknown => return None,
        State::Close => return Some(None),
        _ => {}
    }
    let handle = NonZero::new(entry.inode);
    Some(Some(PolledSocket {
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
