//! The records: what the kernel side says, and how it is laid out.

/// What a record is: its first byte.
pub mod kind {
    /// A [`super::TransitionRecord`].
    pub const TRANSITION: u8 = 1;
    /// A [`super::ProcessRecord`]: a transition that the running process made.
    pub const PROCESS: u8 = 2;
    /// A [`super::TransitionRecord`] whose states are the same: only its ends are news.
    pub const TUPLE: u8 = 3;
    /// A [`super::CloseRecord`]: a transition to CLOSE from a connected state.
    pub const CLOSE: u8 = 4;
    /// A [`super::MinisockCreatedRecord`]: a half-open connection's or a TIME_WAIT's timer was started.
    pub const MINISOCK_CREATED: u8 = 5;
    /// A [`super::MinisockRemovedRecord`]: such a timer was stopped.
    pub const MINISOCK_REMOVED: u8 = 6;
    /// An [`super::AcceptRecord`].
    pub const ACCEPT: u8 = 7;
    /// A [`super::SnapshotRecord`].
    pub const SNAPSHOT: u8 = 8;
}

/// Bits of [`TransitionRecord::flags`].
pub mod flag {
    /// The socket's family is AF_INET6; its packets may still be IPv4 (mapped addresses).
    pub const INET6: u8 = 1;
    /// The socket's protocol is IPPROTO_MPTCP, else IPPROTO_TCP.
    pub const MPTCP: u8 = 2;
    /// From the classic tracepoint: cookie and netns are not known.
    pub const CLASSIC: u8 = 4;
    /// `sk->sk_socket` is set: a process has the socket, or had it when it closed it. Not set on a child
    /// that has not been accepted.
    pub const HAS_SOCKET: u8 = 8;
    /// In a snapshot: a request socket or a timewait socket.
    pub const MINISOCK: u8 = 16;
    /// Of a [`super::MinisockCreatedRecord`]: a segment found it in this state, which may have been its end; no timer was
    /// started.
    pub const OBSERVED: u8 = 32;
}

/// One change of state.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransitionRecord {
    /// See [`kind`].
    pub kind: u8,
    /// The kernel's number of the state that it left.
    pub old: u8,
    /// The kernel's number of the state that it entered.
    pub new: u8,
    /// See [`flag`].
    pub flags: u8,
    /// Inode number of the socket's network namespace.
    pub netns: u32,
    /// CLOCK_MONOTONIC, nanoseconds (`bpf_ktime_get_ns`).
    pub mono_ns: u64,
    /// Address of the `struct sock`.
    pub sk: u64,
    /// The socket cookie, 0 where it could not be had.
    pub cookie: u64,
    /// Host order.
    pub local_port: u16,
    /// Host order.
    pub remote_port: u16,
    /// `sk->sk_err`, a positive errno.
    pub sk_err: u32,
    /// 16 bytes in network order, moved as two words; IPv4 in mapped form (`::ffff:a.b.c.d`).
    pub local_addr: [u64; 2],
    /// The same of the other end.
    pub remote_addr: [u64; 2],
}

/// One change of state with the process that made it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRecord {
    /// The change.
    pub transition: TransitionRecord,
    /// Thread group id, initial pid namespace; 0 for a thread of the kernel's own.
    pub pid: u32,
    /// Real user id, initial user namespace.
    pub uid: u32,
    /// `current->comm`.
    pub comm: [u8; 16],
    /// Id of the socket's cgroup (`kernfs_node.id`), 0 where it could not be had.
    pub cgroup: u64,
}

/// A transition to CLOSE with the connection's numbers.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRecord {
    /// The change.
    pub transition: TransitionRecord,
    /// `tcp_sock.bytes_acked`: counts an acknowledged SYN and FIN too.
    pub bytes_acked: u64,
    /// `tcp_sock.bytes_received`: counts the peer's FIN too.
    pub bytes_received: u64,
    /// `tcp_sock.srtt_us`: eight times the smoothed round trip time in microseconds; 0 is not measured.
    pub srtt_us: u32,
    /// `tcp_sock.total_retrans`.
    pub total_retrans: u32,
}

/// A half-open connection (`struct request_sock`) or what is left of one in FIN_WAIT2 or TIME_WAIT
/// (`struct inet_timewait_sock`), at the start of its timer.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinisockCreatedRecord {
    /// `sk` is the minisocket's address; `old` is 0; `new` is SYN_RECV, FIN_WAIT2 or TIME_WAIT.
    pub transition: TransitionRecord,
    /// Address of the listener of a half-open connection, else 0.
    pub listener: u64,
}

/// A minisocket's timer was stopped: the minisocket is gone, or a start follows within microseconds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinisockRemovedRecord {
    /// [`kind::MINISOCK_REMOVED`].
    pub kind: u8,
    /// SYN_RECV for a half-open connection, else TIME_WAIT.
    pub state: u8,
    /// 1 if the timer's time had come, 0 if it was stopped before.
    pub expired: u8,
    /// `inet_timewait_sock.tw_substate` at the end, FIN_WAIT2 or TIME_WAIT; 0 for a half-open connection.
    pub substate: u8,
    /// OwnerPolicy the next field in its place.
    pub unused: u32,
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// Address of the minisocket.
    pub sk: u64,
}

/// A process accepted a connection.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptRecord {
    /// [`kind::ACCEPT`].
    pub kind: u8,
    /// OwnerPolicy the next field in its place.
    pub unused: [u8; 3],
    /// Thread group id, initial pid namespace.
    pub pid: u32,
    /// Address of the accepted `struct sock`.
    pub sk: u64,
    /// The socket cookie, 0 where it could not be had.
    pub cookie: u64,
    /// Real user id, initial user namespace.
    pub uid: u32,
    /// OwnerPolicy the record's size a multiple of 8.
    pub unused_too: u32,
    /// `current->comm`.
    pub comm: [u8; 16],
}

/// A socket as `iter/tcp` finds it: full, half-open or in TIME_WAIT.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// `kind` is [`kind::SNAPSHOT`], `old` is 0, `new` the state (FIN_WAIT2 or TIME_WAIT for what is left of
    /// a connection), `mono_ns` the moment of the look.
    pub transition: TransitionRecord,
    /// Address of the listener of a half-open connection, else 0.
    pub listener: u64,
    /// Id of the socket's cgroup, 0 where it could not be had.
    pub cgroup: u64,
}

/// A process that holds a TCP socket or a namespace, as `iter/task_file` finds it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderRecord {
    /// Address of the `struct sock`; 0 if the file is a namespace's, of any kind.
    pub sk: u64,
    /// Inode number of the socket's network namespace; 0 if the file is a namespace's.
    pub netns: u32,
    /// The file's number within the process.
    pub fd: u32,
    /// Thread group id, initial pid namespace.
    pub pid: u32,
    /// Real user id, initial user namespace.
    pub uid: u32,
    /// The process's name, that of its main thread: 16 bytes, moved as two words.
    pub comm: [u64; 2],
}

/// A process that holds a socket of any family, as `iter/task_file` finds it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketFileRecord {
    /// The socket's inode number (`inode.i_ino`), as /proc/net and /proc/PID/fd show it.
    pub inode: u64,
    /// Thread group id, initial pid namespace.
    pub pid: u32,
    /// The file's number within the process.
    pub fd: u32,
}
