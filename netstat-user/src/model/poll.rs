//! What one poll of the system's socket table finds: /proc/net/tcp, or Windows' TCP table.

use std::{num::NonZero, sync::Arc};

use rustc_hash::FxHashSet;

use super::{Endpoint, Moment, Owner, State, UnreadNetns};

/// By what the system's table links a socket to its owner: an inode number on Linux, a process id on Windows.
pub type SocketHandle = NonZero<u64>;

/// A socket as one poll found it. A poll has no address and no cookie of a socket, and sees no transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledSocket {
    /// Its state; never CLOSE.
    pub state: State,
    /// The local endpoint.
    pub local: Endpoint,
    /// The remote endpoint; None for a listener.
    pub remote: Option<Endpoint>,
    /// None where no process holds the socket: not yet (before accept), or no longer (after close).
    pub handle: Option<SocketHandle>,
    /// The process that holds it, which many sockets share; None if it was not found, or not looked up.
    pub owner: Option<Arc<Owner>>,
    /// Its user, where a process holds the socket and the system's table has the user.
    pub uid: Option<u32>,
    /// Inode number of its network namespace.
    pub netns: Option<u32>,
}

/// All sockets that one poll found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Poll {
    /// When the poll ended.
    pub at: Moment,
    /// The sockets. A socket that changed during the poll may be listed twice, the newer entry later.
    pub sockets: Vec<PolledSocket>,
    /// Network namespaces that exist but could not be read, or not completely: a socket there that is not in `sockets` may
    /// still exist.
    pub unread: FxHashSet<Option<u32>>,
    /// Those of them that still exist for certain, with the reason, in the order of their numbers.
    pub unread_why: Vec<UnreadNetns>,
    /// Why the owners of new sockets are unknown, in one line for the user; None if the scan for them did not fail.
    pub owners_error: Option<String>,
    /// Whether the trace ended before the owners were known.
    pub is_cut: bool,
}
