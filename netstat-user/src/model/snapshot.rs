//! A snapshot of all sockets and of the processes that hold them.

use super::{Endpoint, Family, Interface, Moment, Owner, Protocol, SockId, State};

/// How long after a socket's last event a snapshot may still show what was before it, nanoseconds.
///
/// The kernel's hooks run just before the change: the state is stored and the socket leaves the kernel's tables only after
/// them (`inet_sk_set_state`, net/ipv4/af_inet.c; `tcp_set_state`, net/ipv4/tcp.c, 6.18). In between, a hypervisor can take
/// the processor away, and a preemptible kernel can run another task. A second is far longer than either lasts.
pub const SETTLE_NS: u64 = 1_000_000_000;

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

/// A snapshot of the kernel's sockets. It is not atomic: each socket was read at its own moment between `started` and
/// `finished`.
///
/// A change during the snapshot may be in it or not. A socket that changes its kind meanwhile (a connection to a timewait
/// socket, a request socket to a connection) may be in it twice, the newer one later, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// What it covers.
    pub kind: SnapshotKind,
    /// Before the first socket was read.
    pub started: Moment,
    /// After the last socket was read.
    pub finished: Moment,
    /// The sockets, in no order; empty in a snapshot of [`SnapshotKind::Owners`].
    pub sockets: Vec<SnapshotSocket>,
    /// The processes that hold a socket, sorted by `sk`. A socket's holders are sorted by process id: the parent
    /// comes before the children that inherited the socket. Process 1 comes last: it holds the sockets of
    /// socket-activated services.
    pub holders: Vec<Holder>,
    /// Inode numbers of the network namespaces whose sockets were all read, in no order: a socket of one of them that is
    /// not in `sockets` was in no kernel table when that table was read. MPTCP sockets never are in a table; only their
    /// subflows are.
    pub netns_covered: Vec<u32>,
    /// The network namespaces that exist and whose sockets are not in the snapshot, sorted by number.
    pub netns_unread: Vec<UnreadNetns>,
}

/// A network namespace whose sockets a snapshot lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadNetns {
    /// Its inode number.
    pub netns: u32,
    /// What failed and why, as the end of a sentence about it: `can't be entered: …`.
    pub why: String,
}

/// A TCP socket in a snapshot: a full socket, a request socket or a timewait socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotSocket {
    /// When it was read.
    pub at: Moment,
    /// The socket; for a half-open connection its request socket, after the close the timewait socket.
    pub sock: SockId,
    /// The family of its packets.
    pub family: Family,
    /// Always TCP so far: MPTCP sockets are in no kernel table.
    pub protocol: Protocol,
    /// Its state, never CLOSE; of a timewait socket FIN_WAIT2 or TIME_WAIT.
    pub state: State,
    /// The local endpoint.
    pub local: Endpoint,
    /// The remote endpoint; port 0 for a listener.
    pub remote: Endpoint,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Address of a half-open connection's listener.
    pub listener: Option<u64>,
    /// Id of its cgroup; None for minisockets, and where the source doesn't know it.
    pub cgroup: Option<u64>,
    /// Whether a process has or had a file of it: false before accept(), and for minisockets.
    pub has_socket: bool,
    /// Whether it is a minisocket: a request socket or a timewait socket.
    pub is_minisock: bool,
    /// The interface that it is bound to.
    pub interface: Option<Interface>,
}

/// A process that holds a socket by a file descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Address of the `struct sock`, of a TCP or of an MPTCP socket (of which `sockets` has the subflows only). The holders of
    /// an MPTCP socket hold its subflows too.
    pub sk: u64,
    /// The process.
    pub owner: Owner,
}
