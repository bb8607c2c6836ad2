//! What a source tells the agent: one closed enum.

use super::{Endpoint, Family, Moment, Owner, Protocol, SockId, Source, State};

/// Everything that can come out of a source, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A socket changed its state.
    Transition(Transition),
    /// A connection's ends are known now: the kernel chose the local port after CLOSE→SYN_SENT, or
    /// filled in a child that still showed its listener's.
    Ends {
        /// Which socket.
        sock: SockId,
        /// This end.
        local: Endpoint,
        /// The other end.
        remote: Endpoint,
    },
    /// Something was not seen.
    Lost(Loss),
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
}

/// Transitions that were not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When we learned of it.
    pub at: Moment,
    /// How many.
    pub count: u64,
    /// Where they were lost.
    pub place: LossPlace,
}

/// Where a transition can be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossPlace {
    /// The kernel's ring buffer was full.
    Ring,
    /// The kernel skipped a program that a softirq had interrupted.
    Nested,
    /// Whoever reads our output was too slow.
    Output,
}

impl LossPlace {
    /// All places, in the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Ring, Self::Nested, Self::Output];
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
