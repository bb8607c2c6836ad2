//! What a source finds when it looks at all sockets at once.

use super::{Endpoint, Family, Moment, Owner, Protocol, SockId, State};

/// What a snapshot covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SnapshotKind {
    /// Which process holds which socket, and nothing else.
    #[default]
    Owners,
    /// All sockets of all network namespaces, and which process holds which.
    Full,
}

/// A snapshot that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotError {
    /// What was requested.
    pub kind: SnapshotKind,
    /// When it failed.
    pub at: Moment,
    /// Why, in one line for the user.
    pub why: String,
    /// Whether another request can succeed: false once the thread that takes snapshots has ended.
    pub may_recover: bool,
}

/// One look at the kernel's sockets, which takes its time: each socket was seen at its own moment
/// between `started` and `finished`.
///
/// What happened meanwhile may be in it or not. A socket that changes its kind while the look passes
/// (to TIME_WAIT, or from half-open to a connection) may be in it twice, the newer later, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it covers.
    pub kind: SnapshotKind,
    /// Before the first socket was looked at.
    pub started: Moment,
    /// After the last one.
    pub finished: Moment,
    /// The sockets, in no order; none if only holders were asked for.
    pub sockets: Vec<SnapshotSocket>,
    /// The processes that hold a socket, sorted by `sk`; of one socket the lowest process id comes first, the
    /// parent of those that inherited it, and process 1 last (it holds what it activates others by).
    pub holders: Vec<Holder>,
    /// Inode numbers of the network namespaces whose sockets were all looked at, in no order: a socket of
    /// one of them that is not in `sockets` was in no table of the kernel's when it was looked for.
    /// MPTCP sockets never are in one; only their subflows are.
    pub netns_covered: Vec<u32>,
}

/// A TCP socket as the look found it: full, half-open, or what is left of a closed connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotSocket {
    /// When it was in this state.
    pub at: Moment,
    /// Which socket; for a half-open connection and in TIME_WAIT the kernel's small stand-in.
    pub sock: SockId,
    /// The family of its packets.
    pub family: Family,
    /// Always TCP so far: MPTCP sockets are in no table.
    pub protocol: Protocol,
    /// Its state; of a closed connection's stand-in FIN_WAIT2 or TIME_WAIT. Never CLOSE.
    pub state: State,
    /// This end.
    pub local: Endpoint,
    /// The other end; port 0 for a listener.
    pub remote: Endpoint,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Address of a half-open connection's listener.
    pub listener: Option<u64>,
    /// Id of its cgroup; None for half-open connections and TIME_WAIT, and where the source can't tell.
    pub cgroup: Option<u64>,
    /// Whether a process has it, or had it when it closed it: not so before accept(), nor for the
    /// kernel's stand-ins.
    pub has_socket: bool,
    /// Whether it is such a stand-in: a request socket or a timewait socket.
    pub is_minisock: bool,
}

/// A process that holds a socket by a file descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Address of the `struct sock`; TCP's or MPTCP's (of which `sockets` has the subflows only).
    pub sk: u64,
    /// The process.
    pub owner: Owner,
}
