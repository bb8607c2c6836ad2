//! The process that holds a socket, and how it was found.

use std::fmt;

use super::Moment;

/// A process name in the kernel: up to 15 arbitrary bytes, which the process itself can set.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Comm([u8; 16]);

impl Comm {
    /// The kernel's bytes up to the first NUL.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The raw bytes of the name: untrusted, perhaps not UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        &self.0[..end]
    }

    /// The raw bytes; None if the process has an empty name, which is as good as none.
    pub fn known(&self) -> Option<&[u8]> {
        Some(self.as_bytes()).filter(|name| !name.is_empty())
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// The process that holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Process id (thread group id) in the initial pid namespace.
    pub pid: u32,
    /// The process's name, which is its main thread's.
    pub comm: Comm,
    /// User id; None on systems without numeric user ids.
    pub uid: Option<u32>,
    /// When the process started, CLOCK_MONOTONIC in nanoseconds: it tells the process from a later one with the same id.
    /// None where the source doesn't know it.
    pub started_ns: Option<u64>,
    /// How it was found.
    pub how: OwnerHow,
}

/// A process gets another name, by prctl() or because it executes another program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRenamed {
    /// When.
    pub at: Moment,
    /// As [`Owner::pid`].
    pub pid: u32,
    /// As [`Owner::started_ns`].
    pub started_ns: Option<u64>,
    /// The new name.
    pub comm: Comm,
}

/// How an owner was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerHow {
    /// It called connect().
    Connect,
    /// It called listen().
    Listen,
    /// It accepted the connection.
    Accept,
    /// It owns the listener; the connection is not accepted yet.
    Listener,
    /// It closed the connection.
    Close,
    /// A scan found a file descriptor of it.
    Scan,
}
