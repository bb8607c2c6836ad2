//! What a source tells the agent: one closed enum.

use super::{Endpoint, Family, Moment, Owner, Poll, Protocol, SockId, Source, State};

/// Everything that can come out of a source, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A socket changed its state.
    Transition(Transition),
    /// A connection's ends are known now: the kernel chose the local port after CLOSE→SYN_SENT, or
    /// filled in a child that still showed its listener's.
    Tuple {
        /// Which socket.
        sock: SockId,
        /// This end.
        local: Endpoint,
        /// The other end.
        remote: Endpoint,
    },
    /// A half-open connection begins, or what is left of a closed one: or their timer began anew.
    MinisockCreated(MinisockCreated),
    /// The timer of one of these was stopped: it is gone, unless a start follows at once.
    MinisockRemoved(MinisockRemoved),
    /// A process accepted a connection.
    Accept {
        /// Which socket.
        sock: SockId,
        /// The process.
        owner: Owner,
    },
    /// A poll found these sockets, and no others.
    Poll(Box<Poll>),
    /// Something was not seen.
    Lost(Loss),
    /// Something may not have been seen.
    Doubt,
}

impl Event {
    /// When it happened, for the events that have a time of their own.
    pub fn at(&self) -> Option<Moment> {
        match self {
            Self::Transition(change) => Some(change.at),
            Self::MinisockCreated(start) => Some(start.at),
            Self::MinisockRemoved(stop) => Some(stop.at),
            Self::Poll(poll) => Some(poll.at),
            Self::Tuple { .. } | Self::Accept { .. } | Self::Lost(_) | Self::Doubt => None,
        }
    }
}

/// A request socket (SYN_RECV) or a timewait socket (FIN_WAIT2, TIME_WAIT) at the start of its timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinisockCreated {
    /// When.
    pub at: Moment,
    /// The minisocket; its cookie is the connection's, where the kernel has made one.
    pub sock: SockId,
    /// SYN_RECV, FIN_WAIT2 or TIME_WAIT.
    pub state: State,
    /// No timer was started: a segment found it in this state, and may have ended it.
    pub is_observation: bool,
    /// The family of its packets.
    pub family: Family,
    /// This end.
    pub local: Endpoint,
    /// The other end.
    pub remote: Endpoint,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// A half-open connection's listener, as the kernel's socket.
    pub listener: Option<u64>,
}

/// A minisocket's timer was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinisockRemoved {
    /// When.
    pub at: Moment,
    /// The minisocket.
    pub sk: u64,
    /// SYN_RECV, FIN_WAIT2 or TIME_WAIT: its state at that moment.
    pub state: State,
    /// Whether its time had come.
    pub expired: bool,
}

/// One change of state, as the kernel made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When, in the kernel.
    pub at: Moment,
    /// Which socket.
    pub sock: SockId,
    /// The socket's family: `Ipv4` also where an IPv6 socket talks IPv4.
    pub family: Family,
    /// TCP or MPTCP.
    pub protocol: Protocol,
    /// The state that it left.
    pub old: State,
    /// The state that it entered.
    pub new: State,
    /// This end; port 0 while the kernel has not chosen one.
    pub local: Endpoint,
    /// The other end; port 0 for a listener, and for a child that still shows its listener's identity.
    pub remote: Endpoint,
    /// The process that made the change, where the change happens in its context
    /// (connect, listen, close); None in softirqs and timers.
    pub process: Option<Owner>,
    /// Inode number of the socket's network namespace.
    pub netns: Option<u32>,
    /// Id of the socket's cgroup; known when a process connects or listens.
    pub cgroup: Option<u64>,
    /// Whether a process has the socket: false for a child that has not been accepted, and after close().
    /// None where the source can't tell.
    pub has_socket: Option<bool>,
    /// The socket's pending error (`sk_err`), an errno; 0 is none. None where the source can't tell.
    pub error: Option<u32>,
    /// The connection's numbers, on a transition to CLOSE from a connected state.
    pub kernel_tcp_stats: Option<KernelTcpStats>,
}

/// A connection's numbers as the kernel counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelTcpStats {
    /// Sequence numbers that the peer acknowledged: payload, and our SYN and FIN.
    pub bytes_acked: u64,
    /// Sequence numbers received: payload, and the peer's FIN.
    pub bytes_received: u64,
    /// Smoothed round trip time, microseconds; None if none was measured.
    pub rtt_us: Option<u32>,
    /// Segments sent again.
    pub retransmits: u32,
}

/// A number of events that were lost at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When the loss was noticed.
    pub at: Moment,
    /// How many.
    pub count: u64,
    /// Where they were lost.
    pub place: LossPlace,
    /// What was lost.
    pub what: LossKind,
}

/// Where an event can be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossPlace {
    /// The kernel's ring buffer.
    Ring,
    /// A program run that the kernel skipped, because a softirq had interrupted the same program.
    Nested,
    /// The queue before a slow reader of the output.
    Output,
    /// The table of a polling source.
    Table,
    /// The snapshot of all sockets.
    Snapshot,
}

impl LossPlace {
    /// All places, in the order of their discriminants.
    pub const ALL: [Self; 5] = [Self::Ring, Self::Nested, Self::Output, Self::Table, Self::Snapshot];
}

/// What a loss consists of. Only [`Self::Transitions`] count in the totals of lost transitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossKind {
    /// State transitions.
    Transitions,
    /// Records that are no transitions: an accept, a minisocket that was created, removed or observed, a tuple.
    Observations,
    /// Records of a kind that this program does not know, or that are shorter than their kind.
    UnknownRecords,
    /// Snapshots of all sockets.
    Snapshots,
}

impl LossKind {
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Transitions, Self::Observations, Self::UnknownRecords, Self::Snapshots];
}

/// What the trace can see, said once at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// When.
    pub at: Moment,
    /// Where the events come from.
    pub source: Source,
    /// The kernel's release.
    pub kernel: String,
    /// Each attached probe: its name and its kind (`tp_btf`, `tracepoint`, …).
    pub hooks: Vec<(&'static str, &'static str)>,
    /// What can't be seen here.
    pub missing: Vec<Missing>,
}

/// What a source can see, as far as the table has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceCapabilities {
    /// Which source it is.
    pub source: Source,
    /// Whether [`Event::Tuple`] reports the local port that the kernel chooses after CLOSE→SYN_SENT.
    pub tuples: bool,
    /// Whether minisockets are seen: half-open connections and TIME_WAIT.
    pub minisocks: bool,
}

/// One thing that can't be seen here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The fact that is missing, as a user would name it: `local port in SYN_SENT`.
    pub what: &'static str,
    /// Why, with what the user can do.
    pub why: String,
}

/// What the trace saw, said once at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Moment,
    /// How many transitions it saw.
    pub transitions: u64,
    /// How many transitions were lost.
    pub lost: u64,
    /// How many it inferred.
    pub repaired: u64,
    /// How long the trace ran, nanoseconds.
    pub duration_ns: u64,
}
