//! The events that sources yield.

use std::{borrow::Cow, num::NonZero};

use super::{
    Endpoint, Family, Interface, Moment, Owner, Poll, ProcessRenamed, Protocol, SnapshotError, SockId,
    Source, State,
};

/// An event of a source. Sources yield events in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A socket changed its state.
    Transition(Transition),
    /// The endpoints of a connection are known now: the kernel has chosen the local port after CLOSE→SYN_SENT, or a
    /// child that had its listener's endpoints has its own.
    Tuple {
        /// The socket.
        sock: SockId,
        /// The local endpoint.
        local: Endpoint,
        /// The remote endpoint.
        remote: Endpoint,
        /// Whether it was asked for, so that the first segment may not have been sent.
        is_observation: bool,
    },
    /// A request socket or a timewait socket was created, or its timer was started again.
    MinisockCreated(MinisockCreated),
    /// The timer of such a socket was cancelled: the socket is gone, unless the timer is started again at once.
    MinisockRemoved(MinisockRemoved),
    /// This host sent an RST.
    ResetSent(ResetSent),
    /// A SYN or a SYN-ACK was sent again.
    SynRetransmitted {
        /// Address of the full socket or request socket.
        sk: u64,
    },
    /// An ICMP error answered a SYN; the socket may still be in SYN_SENT.
    SynError {
        /// Address of the full socket.
        sk: u64,
        /// An errno.
        error: u32,
    },
    /// A process accepted a connection.
    Accept {
        /// The socket.
        sock: SockId,
        /// The process.
        owner: Owner,
    },
    /// A process has another name.
    ProcessRenamed(ProcessRenamed),
    /// A poll found these sockets, and no others.
    Poll(Box<Poll>),
    /// A poll failed: nothing is known about any socket.
    PollFailed(SnapshotError),
    /// Events were lost.
    Lost(Loss),
    /// Losses can't be counted any more, or can again.
    LossCount(Result<(), LossesUncounted>),
    /// Events may have been lost until this time: only a snapshot shows whether they were.
    PossibleLoss(Moment),
}

impl Event {
    /// When it happened; None for an event without a time.
    pub fn at(&self) -> Option<Moment> {
        match self {
            Self::Transition(change) => Some(change.at),
            Self::MinisockCreated(start) => Some(start.at),
            Self::MinisockRemoved(stop) => Some(stop.at),
            Self::ResetSent(reset) => Some(reset.at),
            Self::ProcessRenamed(renamed) => Some(renamed.at),
            Self::Poll(poll) => Some(poll.at),
            Self::PollFailed(error) => Some(error.at),
            Self::Tuple { .. }
            | Self::SynRetransmitted { .. }
            | Self::SynError { .. }
            | Self::Accept { .. }
            | Self::Lost(_)
            | Self::LossCount(_)
            | Self::PossibleLoss(_) => None,
        }
    }
}

/// A request socket (SYN_RECV) or a timewait socket (FIN_WAIT2, TIME_WAIT) whose timer was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinisockCreated {
    /// When.
    pub at: Moment,
    /// The minisocket. Its cookie is the connection's; 0 if the kernel has not generated one.
    pub sock: SockId,
    /// SYN_RECV, FIN_WAIT2 or TIME_WAIT.
    pub state: State,
    /// No timer was started: a segment arrived for the socket in this state, and may have ended it.
    pub is_observation: bool,
    /// The family of its packets.
    pub family: Family,
    /// The local endpoint.
    pub local: Endpoint,
    /// The remote endpoint.
    pub remote: Endpoint,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Address of the listening `struct sock` of a half-open connection.
    pub listener: Option<u64>,
    /// The interface that it is bound to.
    pub interface: Option<Interface>,
}

/// A minisocket whose timer was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinisockRemoved {
    /// When.
    pub at: Moment,
    /// The minisocket.
    pub sk: u64,
    /// SYN_RECV, FIN_WAIT2 or TIME_WAIT: its state at that moment.
    pub state: State,
    /// Whether the timer had expired.
    pub expired: bool,
    /// What removed it before its time; None if its timer expired, and where it is not known.
    pub cause: Option<RemovalCause>,
    /// Whether a half-open connection's listener listens no more.
    pub listener_has_closed: bool,
}

/// What removes a minisocket before its timer expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemovalCause {
    /// A segment arrived for it: an RST, unless this host answered the segment with an RST.
    Segment,
    /// A segment arrived that it does not take: new data, which this host answers with an RST, or one for a listener that
    /// has closed.
    ForeignSegment,
    /// An ICMP error.
    Icmp,
    /// An administrator (`ss -K`), or the end of the network namespace.
    Administrator,
}

/// The half-open connection that an RST of this host was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfOpenReset {
    /// Its endpoint on this host.
    pub local: Endpoint,
    /// Its peer's endpoint.
    pub remote: Endpoint,
    /// Inode number of its network namespace.
    pub netns: u32,
    /// Index of the interface that its listener is bound to.
    pub bound_to: Option<NonZero<u32>>,
    /// Index of the interface, or its VRF, on which the segment arrived that the RST answers.
    pub arrived_on: Option<NonZero<u32>>,
}

/// This host sent an RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetSent {
    /// When.
    pub at: Moment,
    /// Address of the full socket or timewait socket; of a half-open connection its listener.
    pub sk: u64,
    /// The socket's state.
    pub state: State,
    /// Only for a half-open connection: which.
    pub half_open: Option<HalfOpenReset>,
    /// The kernel's reason (`enum sk_rst_reason`), in lower case.
    pub cause: Option<&'static str>,
}

/// A transition in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When it happened in the kernel.
    pub at: Moment,
    /// The socket.
    pub sock: SockId,
    /// The family of its packets: `Ipv4` also for an IPv6 socket with IPv4-mapped addresses.
    pub family: Family,
    /// TCP or MPTCP.
    pub protocol: Protocol,
    /// The state that it left.
    pub old: State,
    /// The state that it entered.
    pub new: State,
    /// The local endpoint; port 0 while the kernel has not chosen one.
    pub local: Endpoint,
    /// The remote endpoint; port 0 for a listener, and for a child that still has its listener's endpoints.
    pub remote: Endpoint,
    /// The process in whose context the transition happened (connect, listen, close); None in softirqs and timers.
    pub process: Option<Owner>,
    /// Inode number of the socket's network namespace.
    pub netns: Option<u32>,
    /// Id of the socket's cgroup; known when a process connects or listens.
    pub cgroup: Option<u64>,
    /// Whether a process has the socket: false for a child that has not been accepted, and after close().
    /// None where the source doesn't know it.
    pub has_socket: Option<bool>,
    /// The socket's pending error (`sk_err`), an errno; 0: no error. None where the source doesn't know it.
    pub error: Option<u32>,
    /// The socket's soft error (`sk_err_soft`), an errno; on SYN_SENT→CLOSE, else 0.
    pub soft_error: u32,
    /// On LAST_ACK→CLOSE with an error: whether the peer has acknowledged the FIN. The error is then an older one.
    pub fin_is_acknowledged: bool,
    /// On SYN_SENT→CLOSE: whether connect() failed by itself, before an answer.
    pub connect_failed: bool,
    /// The kernel's TCP statistics, on a transition to CLOSE from SYN_SENT or a connected state.
    pub kernel_tcp_stats: Option<KernelTcpStats>,
    /// The interface that the socket is bound to. None too where the source doesn't know it.
    pub interface: Option<Interface>,
}

/// A connection's statistics in `struct tcp_sock`, which count sequence numbers, not bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelTcpStats {
    /// Sequence numbers that the peer acknowledged: payload, and the SYN and FIN of this end.
    pub bytes_acked: u64,
    /// Sequence numbers received: payload, and the peer's FIN.
    pub bytes_received: u64,
    /// Smoothed round trip time, microseconds; None if none was measured.
    pub rtt_us: Option<u32>,
    /// Retransmitted segments.
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

/// Why losses can't be counted, in words for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossesUncounted(pub String);

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

/// Text that is a constant of the program, or was read back from a recording.
pub type Text = Cow<'static, str>;

/// What the trace can see, reported once at its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// When.
    pub at: Moment,
    /// Where the events come from.
    pub source: Source,
    /// The kernel's release.
    pub kernel: String,
    /// Each attached probe: its name and its kind (`tp_btf`, `tracepoint`, …).
    pub hooks: Vec<(Text, Text)>,
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
    /// Whether [`Event::ResetSent`] reports the RSTs that this host sends.
    pub resets_sent: bool,
    /// Whether [`Event::SynRetransmitted`] reports repeated SYNs and SYN-ACKs.
    pub syn_retransmits: bool,
}

/// One thing that can't be seen here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The fact that is missing, as a user would name it: `local port in SYN_SENT`.
    pub what: Text,
    /// Why, and what the user can do.
    pub why: String,
}

/// What the trace saw, reported once at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: Moment,
    /// How many transitions it saw.
    pub transitions: u64,
    /// How many transitions were lost; None if losses can't be counted.
    pub lost: Option<u64>,
    /// How many transitions were inferred from snapshots.
    pub repaired: u64,
    /// How long the trace ran, nanoseconds.
    pub duration_ns: u64,
    /// How many transitions were not shown because the filter is about the owner, and the owner is not known.
    pub owner_unknown: u64,
}
