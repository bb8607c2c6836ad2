//! The records that the kernel side writes to the ring buffer and to the iterators' files.

/// The first byte of a record: its kind.
pub mod kind {
    /// A [`super::TransitionRecord`].
    pub const TRANSITION: u8 = 1;
    /// A [`super::ProcessRecord`]: a transition that the running process caused.
    pub const PROCESS: u8 = 2;
    /// A [`super::TransitionRecord`] whose two states are the same: it reports the connection's tuple.
    pub const TUPLE: u8 = 3;
    /// A [`super::CloseRecord`]: a transition to CLOSE from SYN_SENT or a connected state.
    pub const CLOSE: u8 = 4;
    /// A [`super::MinisockCreatedRecord`]: a half-open or timewait socket was created, or its timer was restarted.
    pub const MINISOCK_CREATED: u8 = 5;
    /// A [`super::MinisockRemovedRecord`]: a half-open or timewait socket was removed, or its timer was stopped.
    pub const MINISOCK_REMOVED: u8 = 6;
    /// An [`super::AcceptRecord`]: a process accepted a connection.
    pub const ACCEPT: u8 = 7;
    /// A [`super::ResetSentRecord`]: this host sends an RST.
    pub const RESET_SENT: u8 = 9;
    /// A [`super::SynRetransmittedRecord`]: a SYN or a SYN-ACK is sent again.
    pub const SYN_RETRANSMITTED: u8 = 10;
    /// A [`super::SynErrorRecord`]: an ICMP error answers a SYN.
    pub const SYN_ERROR: u8 = 11;
    /// A [`super::SnapshotRecord`]: a socket that `iter/tcp` shows; never in the ring buffer.
    pub const SNAPSHOT: u8 = 8;
    /// A [`super::ProcessRenamedRecord`]: a process has another name.
    pub const PROCESS_RENAMED: u8 = 12;
    /// An [`super::InterfaceRecord`]: the name of the interface that the socket of the next record is bound to.
    pub const INTERFACE: u8 = 13;
}

/// Bits of [`TransitionRecord::flags`].
pub mod flag {
    /// The socket's family is AF_INET6; its packets may still be IPv4 (mapped addresses).
    pub const INET6: u8 = 1;
    /// The socket's protocol is IPPROTO_MPTCP, else IPPROTO_TCP.
    pub const MPTCP: u8 = 2;
    /// The record is from the classic tracepoint: cookie, netns, sk_err and [`HAS_SOCKET`] are unknown.
    pub const CLASSIC: u8 = 4;
    /// `sk->sk_socket` is set: a process has the socket, or closes it. Not set on a child that no process has accepted.
    pub const HAS_SOCKET: u8 = 8;
    /// Only in a snapshot: the socket is a request socket or a timewait socket.
    pub const MINISOCK: u8 = 16;
    /// In a [`super::MinisockCreatedRecord`]: a segment arrived for the minisocket in this state and may have removed it; the
    /// minisocket is not new and its timer was not started. In a tuple's record: user space has asked for it, and the first
    /// segment may not have been sent.
    pub const OBSERVED: u8 = 32;
    /// Only on LAST_ACK→CLOSE with an error: the peer has acknowledged the FIN of this end, so the error is an older one.
    pub const FIN_ACKNOWLEDGED: u8 = 64;
    /// Only on SYN_SENT→CLOSE: connect() fails before it has sent a SYN, or could not send it.
    pub const CONNECT_FAILED: u8 = 128;
}

/// A process.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Thread group id in the initial PID namespace; 0 for a kernel thread.
    pub pid: u32,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// When the main thread was created, CLOCK_MONOTONIC, nanoseconds; 0 if unknown. No other process with the same id has
    /// the same.
    pub started_ns: u64,
    /// The main thread's name (`group_leader->comm`), which is the process's: 16 bytes, copied as two words. Empty if
    /// unknown.
    pub comm: [u64; 2],
}

/// A transition.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitionRecord {
    /// See [`kind`].
    pub kind: u8,
    /// The kernel's number of the old state.
    pub old: u8,
    /// The kernel's number of the new state.
    pub new: u8,
    /// See [`flag`].
    pub flags: u8,
    /// Inode number of the socket's network namespace.
    pub netns: u32,
    /// CLOCK_MONOTONIC, nanoseconds (`bpf_ktime_get_ns`).
    pub mono_ns: u64,
    /// Address of the `struct sock`.
    pub sk: u64,
    /// The socket's cookie, 0 if unknown.
    pub cookie: u64,
    /// Host byte order; 0 if the kernel has not chosen it yet.
    pub local_port: u16,
    /// Host byte order.
    pub remote_port: u16,
    /// `sk->sk_err`, a positive errno.
    pub sk_err: u16,
    /// `sk->sk_err_soft`, a positive errno; only on SYN_SENT→CLOSE, else 0.
    pub sk_err_soft: u16,
    /// 16 bytes in network byte order, copied as two words; an IPv4 address is mapped (`::ffff:a.b.c.d`).
    pub local_addr: [u64; 2],
    /// As `local_addr`.
    pub remote_addr: [u64; 2],
    /// `sock_common.skc_bound_dev_if`: index of the network interface that the socket is bound to, also by a link-local
    /// address; 0 if it is not bound.
    pub ifindex: u32,
    /// Aligns the end of the record.
    pub unused: u32,
}

/// A transition, with the process that caused it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRecord {
    /// The transition.
    pub transition: TransitionRecord,
    /// The process; its pid is 0 if a snapshot's thread seems to cause the transition.
    pub process: Process,
    /// Id of the socket's cgroup (`kernfs_node.id`), 0 if unknown.
    pub cgroup: u64,
}

/// A transition to CLOSE from SYN_SENT or a connected state, with what the kernel counted on the connection.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRecord {
    /// The transition.
    pub transition: TransitionRecord,
    /// `tcp_sock.bytes_acked`, which includes an acknowledged SYN and FIN.
    pub bytes_acked: u64,
    /// `tcp_sock.bytes_received`, which includes the peer's FIN.
    pub bytes_received: u64,
    /// `tcp_sock.srtt_us`: eight times the smoothed round-trip time in microseconds; 0 if it was not measured.
    pub srtt_us: u32,
    /// `tcp_sock.total_retrans`.
    pub total_retrans: u32,
}

/// A minisocket: a half-open connection (`struct request_sock`), or a closed one in FIN_WAIT2 or TIME_WAIT
/// (`struct inet_timewait_sock`). It was created, its timer was restarted, or a segment arrived for it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinisockCreatedRecord {
    /// `sk` is the minisocket's address; `old` is 0; `new` is SYN_RECV, FIN_WAIT2 or TIME_WAIT.
    pub transition: TransitionRecord,
    /// Address of a half-open connection's listener, else 0.
    pub listener: u64,
}

/// A minisocket was removed; or only its timer was stopped, and a [`MinisockCreatedRecord`] follows within microseconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinisockRemovedRecord {
    /// [`kind::MINISOCK_REMOVED`].
    pub kind: u8,
    /// SYN_RECV for a half-open connection, else TIME_WAIT.
    pub state: u8,
    /// 1 if the timer expired, 0 if it was stopped before.
    pub expired: u8,
    /// `inet_timewait_sock.tw_substate`, FIN_WAIT2 or TIME_WAIT; 0 for a half-open connection.
    pub substate: u8,
    /// Which function removed it, see [`super::caller`]; 0 if its timer expired, or if that is not known.
    pub caller: u8,
    /// 1 if a half-open connection's listener listens no more; only if the timer expired, or `caller` is
    /// [`super::caller::RECEIVE`].
    pub listener_has_closed: u8,
    /// Aligns the next field.
    pub unused: u16,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// Address of the minisocket.
    pub sk: u64,
}

/// This host sends an RST for a socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetSentRecord {
    /// [`kind::RESET_SENT`].
    pub kind: u8,
    /// The kernel's number of the socket's state.
    pub state: u8,
    /// Aligns the next field.
    pub unused: u16,
    /// The kernel's number of the cause (`enum sk_rst_reason`); [`Self::NO_CAUSE`] on kernels that don't tell it.
    pub cause: u32,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// Address of the socket: a full socket or a timewait socket. A listener if the RST answers a segment of a half-open
    /// connection; only then the following fields are filled in.
    pub sk: u64,
    /// Inode number of the socket's network namespace.
    pub netns: u32,
    /// Host byte order.
    pub local_port: u16,
    /// Host byte order.
    pub remote_port: u16,
    /// As in [`TransitionRecord`].
    pub local_addr: [u64; 2],
    /// As in [`TransitionRecord`].
    pub remote_addr: [u64; 2],
    /// Index of the network interface that the listener is bound to; 0 if it is not bound.
    pub ifindex: u32,
    /// `sk_buff.skb_iif`: index of the interface on which the segment arrived that the RST answers; of its VRF, if it is in
    /// one.
    pub arrived_on: u32,
}

impl ResetSentRecord {
    /// The kernel doesn't tell the cause.
    pub const NO_CAUSE: u32 = u32::MAX;
}

/// A SYN or a SYN-ACK is sent again.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynRetransmittedRecord {
    /// [`kind::SYN_RETRANSMITTED`].
    pub kind: u8,
    /// Aligns the next field.
    pub unused: [u8; 7],
    /// Address of the full socket or request socket.
    pub sk: u64,
}

/// An ICMP error answers a SYN. The socket keeps its state if its owner is just using it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynErrorRecord {
    /// [`kind::SYN_ERROR`].
    pub kind: u8,
    /// Aligns the next field.
    pub unused: [u8; 3],
    /// A positive errno.
    pub error: u32,
    /// Address of the full socket.
    pub sk: u64,
}

/// A process accepted a connection.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptRecord {
    /// [`kind::ACCEPT`].
    pub kind: u8,
    /// Aligns the next field.
    pub unused: [u8; 7],
    /// Address of the accepted `struct sock`.
    pub sk: u64,
    /// The socket's cookie, 0 if unknown.
    pub cookie: u64,
    /// The process.
    pub process: Process,
}

/// A process gets another name, by prctl(), by /proc/PID/comm or because it executes another program.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRenamedRecord {
    /// [`kind::PROCESS_RENAMED`].
    pub kind: u8,
    /// Aligns the next field.
    pub unused: [u8; 7],
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// The process, with its new name.
    pub process: Process,
}

/// The name of a network interface that a socket is bound to. The socket's own record follows.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceRecord {
    /// [`kind::INTERFACE`].
    pub kind: u8,
    /// Aligns the next field.
    pub unused: [u8; 3],
    /// Inode number of the interface's network namespace.
    pub netns: u32,
    /// Its index in that namespace.
    pub ifindex: u32,
    /// Aligns the next field.
    pub unused_before_name: u32,
    /// Its name: up to 15 bytes and NULs, copied as two words.
    pub name: [u64; 2],
}

/// A socket that `iter/tcp` shows: a full socket, a request socket or a timewait socket.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// `kind` is [`kind::SNAPSHOT`], `old` is 0, `new` is the state (FIN_WAIT2 or TIME_WAIT for a timewait socket),
    /// `mono_ns` is when the iterator read the socket.
    pub transition: TransitionRecord,
    /// Address of a half-open connection's listener, else 0.
    pub listener: u64,
    /// Id of the socket's cgroup, 0 if unknown.
    pub cgroup: u64,
    /// Name of the interface that the socket is bound to, as in [`InterfaceRecord::name`]; empty if unknown.
    pub interface: [u64; 2],
}

/// A file of a process that is a TCP socket or a namespace, as `iter/task_file` shows it. The file of an MPTCP socket has
/// one more record for each of its subflows.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderRecord {
    /// Address of the `struct sock`; 0 if the file is a namespace, of any kind.
    pub sk: u64,
    /// Inode number of the socket's network namespace; 0 if the file is a namespace.
    pub netns: u32,
    /// The file descriptor.
    pub fd: u32,
    /// The process.
    pub process: Process,
}

/// A file of a process that is a socket of any family, as `iter/task_file` shows it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketFileRecord {
    /// The socket's inode number (`inode.i_ino`), as /proc/net and /proc/PID/fd show it.
    pub inode: u64,
    /// Thread group id in the initial PID namespace.
    pub pid: u32,
    /// The file descriptor.
    pub fd: u32,
}
