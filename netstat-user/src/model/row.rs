//! A row of the output: one transition, with all that the table knows of its connection.

use super::{ConnId, Direction, Endpoint, Family, InterfaceName, Moment, Owner, Protocol, State};

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The kernel's own events.
    Ebpf,
    /// A poll of /proc, compared with the one before.
    Proc,
    /// A poll of Windows' TCP table, compared with the one before.
    Windows,
}

/// What kind of row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// Seen as it happened.
    Transition,
    /// Was there when the trace began; `old_state` is not known.
    Existing,
    /// Not seen, inferred when the table was checked against the kernel.
    Repaired,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// This end sent the first FIN.
    FinLocal,
    /// The peer sent the first FIN.
    FinRemote,
    /// Both ends sent a FIN before they had the other's.
    FinBoth,
    /// The peer sent an RST.
    ResetReceived,
    /// This end sent an RST.
    ResetSent,
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    Timeout,
    /// The network reported that the destination is unreachable (ICMP).
    Unreachable,
    /// Ended by an administrator, or with its listener.
    Aborted,
    /// TIME_WAIT or a half-open connection ran out.
    Expired,
    /// No local port was left: connect() failed before a SYN was sent.
    NoPort,
    /// This end closed before the SYN was answered: no FIN was sent.
    Abandoned,
    /// Not known.
    Unknown,
}

/// A connection's numbers at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpStats {
    /// Payload bytes that the peer acknowledged; None where it is not known who connected.
    pub bytes_sent: Option<u64>,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Smoothed round trip time, microseconds; none was measured where it is None.
    pub rtt_us: Option<u32>,
    /// Segments sent again.
    pub retransmits: u32,
}

/// One row: what happened to which connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// What kind of row.
    pub kind: RowKind,
    /// When, in the kernel.
    pub at: Moment,
    /// Which connection.
    pub conn: ConnId,
    /// The family of its packets.
    pub family: Family,
    /// TCP or MPTCP.
    pub protocol: Protocol,
    /// The local endpoint.
    pub local: Endpoint,
    /// The remote endpoint; None for a listener and where it is not known.
    pub remote: Option<Endpoint>,
    /// Who opened it.
    pub direction: Option<Direction>,
    /// The state that it left; None for [`RowKind::Existing`].
    pub old_state: Option<State>,
    /// The state that it is in now.
    pub new_state: State,
    /// How long it was in `old_state`, nanoseconds; None if we didn't see it enter.
    pub state_ns: Option<u64>,
    /// The process that holds the socket.
    pub owner: Option<Owner>,
    /// The socket's user, if the source reports it without the process.
    pub socket_uid: Option<u32>,
    /// Inode number of the socket's network namespace.
    pub netns: Option<u32>,
    /// The socket's cgroup, an id that the source resolves to a path.
    pub cgroup: Option<u64>,
    /// Why it ended.
    pub close_reason: Option<CloseReason>,
    /// Its numbers at the end.
    pub tcp_stats: Option<TcpStats>,
    /// Who saw it.
    pub source: Source,
    /// The interface that the socket is bound to, or that its link-local address belongs to.
    pub interface: Option<InterfaceName>,
    /// Why this end sent an RST: the kernel's `enum sk_rst_reason`, in lower case.
    pub reset_cause: Option<&'static str>,
    /// SYNs or SYN-ACKs sent again; on the transition out of SYN_SENT or SYN_RECV.
    pub syn_retransmits: Option<u32>,
}
