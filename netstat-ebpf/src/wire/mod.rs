//! Everything that crosses the boundary between the kernel side and user space: types, names and constants.
//!
//! Both sides run on the same machine, so integers have its byte order; addresses are in network byte order.

mod callers;
mod globals;
mod names;
mod offsets;
mod per_cpu;
mod plain;
mod records;

pub use callers::{CodeRange, MAX_CALLERS, caller};
pub use globals::{ClassicFormat, Filter, MAX_RANGES, PortRange};
pub use names::{global, map, program};
pub use offsets::Offsets;
pub use per_cpu::{DEDUP_ENTRIES, DedupEntry, DedupLog, LossCounters, RunningPrograms, TransitionKey};
pub use plain::{Plain, as_bytes, from_bytes};
pub use records::{
    AcceptRecord, CloseRecord, HolderRecord, InterfaceRecord, MinisockCreatedRecord, MinisockRemovedRecord,
    Process, ProcessRecord, ProcessRenamedRecord, ResetSentRecord, SnapshotRecord, SocketFileRecord,
    SynErrorRecord, SynRetransmittedRecord, TransitionRecord, flag, kind,
};

/// The name of the threads of `rnetstat-trace` and `rnetstat` that read iterators: at most the 15 bytes that the kernel
/// keeps.
pub const SNAPSHOT_THREAD_NAME: &str = "rnetstat-snap";

/// The same as the kernel keeps it in `task_struct.comm`, as two words.
pub const SNAPSHOT_THREAD: [u64; 2] = [u64::from_ne_bytes(*b"rnetstat"), u64::from_ne_bytes(*b"-snap\0\0\0")];

/// The bits of the second word up to the NUL: what follows may be left from an earlier name (`strlcpy`, up to 5.19).
pub const SNAPSHOT_THREAD_MASK: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);

/// Default size of the ring buffer, bytes.
pub const RING_BYTES: u32 = 16 << 20;

/// How many bytes at the start of a socket the kernel side reads with one helper call, where the verifier does not know
/// the socket's type. Every field that it takes from them has to end within them.
///
/// On kernels from 5.10 to 6.18 they hold `struct sock_common` (up to byte 136) and a timewait socket's `tw_substate`
/// (byte 140).
pub const SOCK_HEAD_BYTES: usize = 160;

/// The kernel's numbers of the TCP states that the kernel side compares with (include/net/tcp_states.h).
pub mod state {
    /// Both ends have the other's SYN.
    pub const ESTABLISHED: u8 = 1;
    /// A SYN was sent.
    pub const SYN_SENT: u8 = 2;
    /// A SYN was received.
    pub const SYN_RECV: u8 = 3;
    /// This end closed first.
    pub const FIN_WAIT1: u8 = 4;
    /// The FIN of this end is acknowledged.
    pub const FIN_WAIT2: u8 = 5;
    /// Both ends have closed.
    pub const TIME_WAIT: u8 = 6;
    /// No connection.
    pub const CLOSE: u8 = 7;
    /// This end closed after the peer.
    pub const LAST_ACK: u8 = 9;
    /// Waiting for connections.
    pub const LISTEN: u8 = 10;
}
