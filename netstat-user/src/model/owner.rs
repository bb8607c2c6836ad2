//! Who holds a socket, and how we know.

use std::fmt;

/// A process name as the kernel keeps it: up to 15 bytes of anything, set by the process itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Comm([u8; 16]);

impl Comm {
    /// The kernel's bytes up to the first NUL.
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The name's raw bytes: hostile, perhaps not UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        &self.0[..end]
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
    /// The process's name at that moment.
    pub comm: Comm,
    /// User id; None where the system has no such number.
    pub uid: Option<u32>,
    /// How we know.
    pub how: OwnerHow,
}

/// How an owner is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerHow {
    /// It called connect().
    Connect,
    /// It called listen().
    Listen,
    /// It accepted the connection.
    Accept,
    /// Not accepted yet: the listener's owner.
    Listener,
    /// It closed the connection.
    Close,
    /// It was found holding the file descriptor.
    Scan,
}
