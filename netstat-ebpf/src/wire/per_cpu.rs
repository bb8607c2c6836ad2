//! What the programs keep in maps, once for each CPU.

use crate::volatile::VolatileU64;

/// How many transitions of softirqs a [`DedupLog`] holds. A power of two.
pub const DEDUP_ENTRIES: usize = 256;

/// Identifies a transition to the two programs that the kernel runs for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransitionKey {
    /// Address of the `struct sock`.
    pub sk: u64,
    /// The two states, and the socket's cookie, because the kernel uses an address again for another socket.
    pub states_and_cookie: u64,
}

/// One entry of a [`DedupLog`]: a [`TransitionKey`], or free if `sk` is 0.
#[repr(C)]
#[derive(Debug, Default)]
pub struct DedupEntry {
    /// See [`TransitionKey::sk`].
    pub sk: VolatileU64,
    /// See [`TransitionKey::states_and_cookie`].
    pub states_and_cookie: VolatileU64,
}

/// The transitions that [`program::STATE`] has recorded on one CPU and [`program::STATE_NESTED`] has not looked up yet.
///
/// [`program::STATE`]: super::program::STATE
/// [`program::STATE_NESTED`]: super::program::STATE_NESTED
#[repr(C)]
#[derive(Debug)]
pub struct DedupLog {
    /// The transition that interrupted no other.
    pub outermost: DedupEntry,
    /// How many entries were added to `nested` since the outermost was set.
    pub added: VolatileU64,
    /// Index of the next entry in `nested`, modulo [`DEDUP_ENTRIES`].
    pub next: VolatileU64,
    /// The transitions that interrupted others.
    pub nested: [DedupEntry; DEDUP_ENTRIES],
}

const _: () = assert!(size_of::<DedupLog>() == 4128);

/// Which programs of the state hook run on one CPU, where a task can be preempted inside them: each is 1 or 0.
#[repr(C)]
#[derive(Debug)]
pub struct RunningPrograms {
    /// [`super::program::STATE`].
    pub main: VolatileU64,
    /// [`super::program::STATE_NESTED`].
    pub nested: VolatileU64,
}

const _: () = assert!(size_of::<RunningPrograms>() == 16);

/// Counters of losses on one CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossCounters {
    /// Transitions for which the kernel skipped [`program::STATE`], and that [`program::STATE_NESTED`] or
    /// [`program::STATE_PREEMPTING`] recorded instead.
    ///
    /// [`program::STATE`]: super::program::STATE
    /// [`program::STATE_NESTED`]: super::program::STATE_NESTED
    /// [`program::STATE_PREEMPTING`]: super::program::STATE_PREEMPTING
    pub rescued: u64,
    /// Records of transitions that did not fit in the ring buffer.
    pub lost_transitions: u64,
    /// Records of accepts, minisockets and tuples that did not fit in the ring buffer.
    pub lost_observations: u64,
}
