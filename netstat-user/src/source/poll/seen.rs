//! What a look finds, and who looks.

use std::num::NonZero;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Endpoint, Moment, Owner, State};

/// By what the system's table names a socket for those who look for its owner: an inode number on Linux,
/// a process id on Windows.
pub type Handle = NonZero<u64>;

/// A socket as one look saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its state; never CLOSE.
    pub state: State,
    /// This end.
    pub local: Endpoint,
    /// The other end; None for a listener.
    pub remote: Option<Endpoint>,
    /// None where no process has the socket: not yet, or no longer.
    pub handle: Option<Handle>,
    /// Its user, where a process has the socket and the system's table tells.
    pub uid: Option<u32>,
    /// Inode number of its network namespace.
    pub netns: Option<u32>,
}

/// All sockets at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// When it was over.
    pub at: Moment,
    /// What it found. A socket that changed meanwhile may be in it twice, the newer later.
    pub sockets: Vec<Seen>,
    /// Network namespaces that are there but could not be read: nothing is known of their sockets.
    pub unread: FxHashSet<Option<u32>>,
}

/// Looks at the system's sockets.
pub trait Looker {
    /// All sockets that can be seen now.
    fn look(&mut self) -> Look;

    /// The processes that hold these sockets; what can't be told is left out.
    fn owners(&mut self, handles: &FxHashSet<Handle>) -> FxHashMap<Handle, Owner>;
}
