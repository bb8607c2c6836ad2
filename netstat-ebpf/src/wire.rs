//! Everything that crosses the boundary between the kernel side and user space: types, names, constants.
//!
//! Both sides run on the same machine, so numbers have its byte order; addresses keep the network's.

/// The programs, by the name of their function.
pub mod program {
    /// `tp_btf/inet_sock_set_state`: every transition.
    pub const STATE: &str = "inet_sock_set_state";
    /// `tp_btf/inet_sock_set_state`: the transitions that interrupted [`STATE`] on the same CPU.
    pub const STATE_NESTED: &str = "inet_sock_set_state_nested";
    /// The same by the classic tracepoint, for kernels where tp_btf doesn't load.
    pub const STATE_CLASSIC: &str = "inet_sock_set_state_classic";
    /// `tp_btf/timer_start`: a connection's ends, at the moment its first segment is sent.
    pub const TIMER_START: &str = "timer_start";
}

/// The maps.
pub mod map {
    /// The one ring buffer.
    pub const EVENTS: &str = "EVENTS";
    /// One [`super::CpuState`] a CPU.
    pub const CPU_STATE: &str = "CPU_STATE";
}

/// The read-only globals, set before the object is loaded.
pub mod global {
    /// [`super::Offsets`].
    pub const OFFSETS: &str = "OFFSETS";
    /// [`super::ClassicFormat`].
    pub const CLASSIC_FORMAT: &str = "CLASSIC_FORMAT";
    /// [`super::Filter`].
    pub const FILTER: &str = "FILTER";
    /// aya-log's level: 0 is off, and the verifier then removes the logging.
    pub const LOG_LEVEL: &str = "AYA_LOG_LEVEL";
}

/// The kernel's numbers of the states that the kernel side tells apart (include/net/tcp_states.h).
pub mod state {
    /// A SYN is on its way to the peer.
    pub const SYN_SENT: u8 = 2;
    /// A SYN came in.
    pub const SYN_RECV: u8 = 3;
    /// We closed first.
    pub const FIN_WAIT1: u8 = 4;
    /// No connection.
    pub const CLOSE: u8 = 7;
    /// We closed after the peer.
    pub const LAST_ACK: u8 = 9;
    /// Waiting for connections.
    pub const LISTEN: u8 = 10;
}

/// Size of the ring buffer unless the user says otherwise, bytes.
pub const RING_BYTES: u32 = 16 << 20;

/// What a record is: its first byte.
pub mod kind {
    /// A [`super::TransitionRecord`].
    pub const TRANSITION: u8 = 1;
    /// A [`super::ProcessRecord`]: a transition that the running process made.
    pub const PROCESS: u8 = 2;
    /// A [`super::TransitionRecord`] whose states are the same: only its ends are news.
    pub const ENDS: u8 = 3;
}

/// Bits of [`TransitionRecord::flags`].
pub mod flag {
    /// The socket's family is AF_INET6; its packets may still be IPv4 (mapped addresses).
    pub const INET6: u8 = 1;
    /// The socket's protocol is IPPROTO_MPTCP, else IPPROTO_TCP.
    pub const MPTCP: u8 = 2;
    /// From the classic tracepoint: cookie and netns are not known.
    pub const CLASSIC: u8 = 4;
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
}

/// What the programs keep for each CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuState {
    /// Not 0 while [`program::STATE`] works on this CPU.
    pub busy: u64,
    /// Transitions that [`program::STATE_NESTED`] saw in its place.
    pub rescued: u64,
    /// Transitions that found the ring full.
    pub ring_full: u64,
}

/// Byte offsets of kernel fields, from the kernel's BTF.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// `sock_common.skc_addrpair`: daddr, then rcv_saddr.
    pub skc_addrpair: u32,
    /// `sock_common.skc_portpair`: dport (network order), then num (host order).
    pub skc_portpair: u32,
    /// `sock_common.skc_family`.
    pub skc_family: u32,
    /// `sock_common.skc_state`.
    pub skc_state: u32,
    /// `sock_common.skc_net`, a pointer to `struct net`.
    pub skc_net: u32,
    /// `sock_common.skc_v6_daddr`.
    pub skc_v6_daddr: u32,
    /// `sock_common.skc_v6_rcv_saddr`.
    pub skc_v6_rcv_saddr: u32,
    /// `sock_common.skc_cookie`.
    pub skc_cookie: u32,
    /// `sock.sk_protocol`.
    pub sk_protocol: u32,
    /// `sock.sk_err`.
    pub sk_err: u32,
    /// `inet_sock.inet_sport`, network order: valid when skc_num is 0 already.
    pub inet_sport: u32,
    /// `net.ns.inum`.
    pub net_inum: u32,
    /// `timer_list.function`.
    pub timer_function: u32,
    /// The timer of an outgoing segment within the socket: `tcp_write_timer`'s.
    pub sk_write_timer: u32,
    /// Whether `bpf_get_socket_cookie` can be called in tracing programs (5.12).
    pub has_cookie_helper: u32,
    /// `task_struct.flags`.
    pub task_flags: u32,
    /// Address of `tcp_write_timer`, 0 where kallsyms hides it.
    pub tcp_write_timer: u64,
}

impl Offsets {
    /// Nothing is known.
    pub const NONE: Self = Self {
        skc_addrpair: 0,
        skc_portpair: 0,
        skc_family: 0,
        skc_state: 0,
        skc_net: 0,
        skc_v6_daddr: 0,
        skc_v6_rcv_saddr: 0,
        skc_cookie: 0,
        sk_protocol: 0,
        sk_err: 0,
        inet_sport: 0,
        net_inum: 0,
        timer_function: 0,
        sk_write_timer: 0,
        has_cookie_helper: 0,
        task_flags: 0,
        tcp_write_timer: 0,
    };
}

/// Where the classic tracepoint's record has its fields, from its `format` file.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassicFormat {
    /// `skaddr`, 8 bytes.
    pub skaddr: u32,
    /// `oldstate`, 4 bytes.
    pub oldstate: u32,
    /// `newstate`, 4 bytes.
    pub newstate: u32,
    /// `sport`, 2 bytes, host order.
    pub sport: u32,
    /// `dport`, 2 bytes, host order.
    pub dport: u32,
    /// `family`, 2 bytes.
    pub family: u32,
    /// `protocol`, 2 bytes.
    pub protocol: u32,
    /// `saddr_v6`, 16 bytes; IPv4 in mapped form.
    pub saddr_v6: u32,
    /// `daddr_v6`, 16 bytes; IPv4 in mapped form.
    pub daddr_v6: u32,
}

impl ClassicFormat {
    /// No field is anywhere.
    pub const NONE: Self = Self {
        skaddr: 0,
        oldstate: 0,
        newstate: 0,
        sport: 0,
        dport: 0,
        family: 0,
        protocol: 0,
        saddr_v6: 0,
        daddr_v6: 0,
    };
}

/// How many port ranges the kernel side compares for each end.
pub const MAX_RANGES: usize = 4;

/// An inclusive range of ports, host order; empty where `first > last`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first port.
    pub first: u16,
    /// The last port.
    pub last: u16,
}

impl PortRange {
    /// The range that no port is in.
    pub const EMPTY: Self = Self { first: 1, last: 0 };
}

/// What the kernel side leaves out: only what user space would not need to say the same.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// By old state: the set (bit N is state N) of new states that are left out.
    pub left_out: [u16; 16],
    /// 1 if `left_out` leaves out anything.
    pub by_states: u32,
    /// 1 leaves out what isn't IPv4, 2 what isn't IPv6.
    pub family: u32,
    /// 1 if `local` has to match.
    pub by_local: u32,
    /// 1 if `remote` has to match.
    pub by_remote: u32,
    /// 1 if `either` has to match.
    pub by_either: u32,
    /// Ranges for the local port.
    pub local: [PortRange; MAX_RANGES],
    /// Ranges for the remote port.
    pub remote: [PortRange; MAX_RANGES],
    /// Ranges for the port of either end.
    pub either: [PortRange; MAX_RANGES],
}

impl Filter {
    /// Leaves out nothing.
    pub const ALL: Self = Self {
        left_out: [0; 16],
        by_states: 0,
        family: 0,
        by_local: 0,
        by_remote: 0,
        by_either: 0,
        local: [PortRange::EMPTY; MAX_RANGES],
        remote: [PortRange::EMPTY; MAX_RANGES],
        either: [PortRange::EMPTY; MAX_RANGES],
    };
}

/// A type without padding or invalid bit patterns, so that it may be seen as bytes and made from them.
///
/// # Safety
/// Every byte of the type belongs to a field, and any bytes make a valid value.
pub unsafe trait Plain: Copy + 'static {}

macro_rules! plain {
    ($($name:ident is $size:literal bytes;)*) => { $(
        const _: () = assert!(size_of::<$name>() == $size);
        // SAFETY: repr(C), integers only, and the size above is the sum of the fields' sizes.
        unsafe impl Plain for $name {}
    )* };
}

plain! {
    TransitionRecord is 72 bytes;
    ProcessRecord is 96 bytes;
    CpuState is 24 bytes;
    Offsets is 72 bytes;
    ClassicFormat is 36 bytes;
    PortRange is 4 bytes;
    Filter is 100 bytes;
}

/// The value's bytes.
pub fn as_bytes<T: Plain>(value: &T) -> &[u8] {
    // SAFETY: `Plain` promises that all `size_of::<T>()` bytes are initialised, and u8 has no alignment.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(value).cast(), size_of::<T>()) }
}

/// The value that begins at the first byte; None if there are too few.
pub fn from_bytes<T: Plain>(bytes: &[u8]) -> Option<T> {
    let bytes = bytes.get(..size_of::<T>())?;
    // SAFETY: the slice is as long as T, unaligned is allowed for, and `Plain` takes any bytes.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}
