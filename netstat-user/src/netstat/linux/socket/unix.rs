//! A UNIX domain socket, and netstat's names for its type, state and flags.

use super::{AcceptQueue, UnixName};

/// A UNIX domain socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// Reference count; None if not known.
    pub references: Option<u64>,
    /// Whether it listens.
    pub is_listening: bool,
    /// SOCK_STREAM and so on (include/linux/net.h).
    pub kind: u64,
    /// The state.
    pub state: UnixState,
    /// Inode number; 0 if it has no file.
    pub inode: u64,
    /// Inode number of the other end; None if there is none or it is not known.
    pub peer: Option<u64>,
    /// User id; None if not known.
    pub uid: Option<u32>,
    /// Bytes (or packets) that the process has not read; of a listener, connections that it has not accepted; None if not
    /// known.
    pub recv_q: Option<u32>,
    /// Bytes that the other end has not read; None if not known.
    pub send_q: Option<u32>,
    /// A listener's queue of connections; None if not known.
    pub accept_queue: Option<AcceptQueue>,
    /// The name.
    pub name: UnixName,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Who says so.
    pub source: UnixSource,
    /// Whether the name of another socket may have made it up: in /proc/net/unix whatever follows a name.
    pub may_be_forged: bool,
}

/// The state of a socket (`enum socket_state`, include/uapi/linux/net.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnixState {
    /// SS_FREE: not in use.
    Free,
    /// SS_UNCONNECTED: not connected, or a listener.
    Unconnected,
    /// SS_CONNECTING: waits to be accepted.
    Connecting,
    /// SS_CONNECTED.
    Connected,
    /// SS_DISCONNECTING: no file refers to it any more.
    Disconnecting,
    /// A number that is not in the header.
    Unknown,
}

/// Where a socket comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnixSource {
    /// unix_diag.
    UnixDiag,
    /// /proc/net/unix: the name of another socket may have made it up.
    Proc,
}

impl UnixState {
    /// The state of this number in /proc/net/unix.
    pub fn from_proc(number: u64) -> Self {
        match number {
            0 => Self::Free,
            1 => Self::Unconnected,
            2 => Self::Connecting,
            3 => Self::Connected,
            4 => Self::Disconnecting,
            _ => Self::Unknown,
        }
    }
}

impl UnixSource {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnixDiag => "unix_diag",
            Self::Proc => "proc",
        }
    }
}

impl UnixSocket {
    /// Whether it is a listener.
    pub fn is_server(&self) -> bool {
        self.state == UnixState::Unconnected && self.is_listening
    }

    /// netstat's name of the state.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            UnixState::Free => "FREE",
            UnixState::Unconnected if self.is_listening => "LISTENING",
            UnixState::Unconnected => "",
            UnixState::Connecting => "CONNECTING",
            UnixState::Connected => "CONNECTED",
            UnixState::Disconnecting => "DISCONNECTING",
            UnixState::Unknown => "UNKNOWN",
        }
    }

    /// netstat's name of the type.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            1 => "STREAM",
            2 => "DGRAM",
            3 => "RAW",
            4 => "RDM",
            5 => "SEQPACKET",
            _ => "UNKNOWN",
        }
    }

    /// netstat's letters for the flags. It knows two more, SO_WAITDATA and SO_NOSPACE, which the kernel no longer shows.
    pub fn flag_letters(&self) -> &'static str {
        if self.is_listening { "[ ACC ]" } else { "[ ]" }
    }
}
