//! Everything that crosses the boundary between the kernel side and user space: types, names, constants.
//!
//! Both sides run on the same machine, so numbers have its byte order; addresses keep the network's.

mod globals;
mod records;

pub use globals::*;
pub use records::*;

use crate::word::Word;

/// The programs, by the name of their function.
pub mod program {
    /// `tp_btf/inet_sock_set_state`: every transition.
    pub const STATE: &str = "inet_sock_set_state";
    /// `tp_btf/inet_sock_set_state`: the transitions for which the kernel skipped [`STATE`], because they interrupted it
    /// on the same CPU.
    pub const STATE_NESTED: &str = "inet_sock_set_state_nested";
    /// `tp_btf/inet_sock_set_state`: the transitions for which the kernel skipped both [`STATE`] and [`STATE_NESTED`],
    /// because a task was preempted inside each of them on the same CPU.
    pub const STATE_PREEMPTING: &str = "inet_sock_set_state_preempting";
    /// `tracepoint/sock/inet_sock_set_state`: every transition, for kernels where tp_btf programs don't load.
    pub const STATE_CLASSIC: &str = "inet_sock_set_state_classic";
    /// `tp_btf/timer_start`: a connection's first segment is sent, which shows its tuple; a half-open or timewait socket
    /// is created.
    pub const TIMER_START: &str = "timer_start";
    /// `tp_btf/timer_cancel`: a half-open or timewait socket is removed.
    pub const TIMER_CANCEL: &str = "timer_cancel";
    /// `tp_btf/kfree_skb`: a timewait socket goes from FIN_WAIT2 to TIME_WAIT.
    pub const KFREE_SKB: &str = "kfree_skb";
    /// `fentry/inet_twsk_hashdance`: a timewait socket is created; up to 6.11.
    pub const TIMEWAIT_CREATED_TO_6_11: &str = "inet_twsk_hashdance";
    /// `fentry/inet_twsk_hashdance_schedule`: a timewait socket is created; from 6.12 on.
    pub const TIMEWAIT_CREATED: &str = "inet_twsk_hashdance_schedule";
    /// `fentry/__inet_twsk_schedule`: a timewait socket goes from FIN_WAIT2 to TIME_WAIT.
    pub const TIMEWAIT_RESCHEDULED: &str = "__inet_twsk_schedule";
    /// `fentry/inet_twsk_kill`: a timewait socket is removed.
    pub const TIMEWAIT_REMOVED: &str = "inet_twsk_kill";
    /// `fentry/inet_csk_reqsk_queue_hash_add`: a half-open connection is created.
    pub const HALF_OPEN_CREATED: &str = "inet_csk_reqsk_queue_hash_add";
    /// `fentry/__inet_csk_reqsk_queue_drop`: a half-open connection is removed.
    pub const HALF_OPEN_REMOVED: &str = "__inet_csk_reqsk_queue_drop";
    /// `fentry/reqsk_queue_unlink`: a half-open connection is removed, on kernels without [`HALF_OPEN_REMOVED`].
    pub const HALF_OPEN_UNLINKED: &str = "reqsk_queue_unlink";
    /// `fentry/tcp_connect`: a SYN is sent, which shows the connection's tuple.
    pub const CONNECT: &str = "tcp_connect";
    /// `fexit/tcp_try_fastopen`: a Fast Open child is created, which shows its tuple.
    pub const FAST_OPEN: &str = "tcp_try_fastopen";
    /// `fexit/inet_csk_accept`: a process accepts a connection.
    pub const ACCEPT: &str = "inet_csk_accept";
    /// `iter/tcp`: every TCP socket of one network namespace.
    pub const ITER_TCP: &str = "iter_tcp";
    /// `iter/task_file`: every process that holds a TCP socket.
    pub const ITER_TASK_FILE: &str = "iter_task_file";
    /// `iter/task_file`: every process that holds a socket of any family.
    pub const ITER_SOCKET_FILE: &str = "iter_socket_file";
}

/// The maps.
pub mod map {
    /// The one ring buffer.
    pub const EVENTS: &str = "EVENTS";
    /// One [`super::Counters`] a CPU.
    pub const COUNTERS: &str = "COUNTERS";
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
    /// Our FIN is acknowledged.
    pub const FIN_WAIT2: u8 = 5;
    /// Both ends have closed.
    pub const TIME_WAIT: u8 = 6;
    /// No connection.
    pub const CLOSE: u8 = 7;
    /// We closed after the peer.
    pub const LAST_ACK: u8 = 9;
    /// Waiting for connections.
    pub const LISTEN: u8 = 10;
}

/// Size of the ring buffer unless the user says otherwise, bytes.
pub const RING_BYTES: u32 = 16 << 20;

/// How many notes of a softirq's transitions are kept on a CPU. A power of two.
pub const SEEN: usize = 256;

/// A transition, as far as two programs on the same tracepoint have to recognise it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Address of the `struct sock`.
    pub sk: u64,
    /// The states and the socket's cookie: an address is used for one socket after the other.
    pub what: u64,
}

/// A place for a [`Seen`]; all zeros if there is none.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Note {
    /// As in [`Seen`].
    pub sk: Word,
    /// As in [`Seen`].
    pub what: Word,
}

/// What [`program::STATE`] has seen on a CPU and [`program::STATE_NESTED`] has not asked about.
#[repr(C)]
#[derive(Debug)]
pub struct SeenNotes {
    /// The note of the transition that no other interrupts.
    pub outermost: Note,
    /// How many notes have been added since the outermost.
    pub waiting: Word,
    /// Where the next of the others goes, modulo [`SEEN`].
    pub next: Word,
    /// The others.
    pub notes: [Note; SEEN],
}

const _: () = assert!(size_of::<SeenNotes>() == 4128);

/// Which programs of the state hook are at work on a CPU, where a task may be preempted inside them: 1 or 0.
#[repr(C)]
#[derive(Debug)]
pub struct AtWork {
    /// [`program::STATE`].
    pub main: Word,
    /// [`program::STATE_NESTED`].
    pub nested: Word,
}

const _: () = assert!(size_of::<AtWork>() == 16);

/// What the programs count on a CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Transitions that [`program::STATE_NESTED`] or [`program::STATE_PREEMPTING`] saw in the place of [`program::STATE`].
    pub rescued: u64,
    /// Transitions that found the ring full.
    pub ring_full: u64,
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
    ProcessRecord is 104 bytes;
    CloseRecord is 96 bytes;
    MinisockCreatedRecord is 80 bytes;
    MinisockRemovedRecord is 24 bytes;
    AcceptRecord is 48 bytes;
    SnapshotRecord is 88 bytes;
    HolderRecord is 40 bytes;
    SocketFileRecord is 16 bytes;
    Counters is 16 bytes;
    Offsets is 192 bytes;
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
