//! What was seen of a connection that tells why it ends: repeated SYNs, ICMP errors, RSTs of this host.

use super::Connection;
use crate::model::{Direction, Moment, ResetSent, State, Transition};

/// An RST that ends a connection is sent microseconds before that, in the same context; this is far longer (nanoseconds).
const MAX_RESET_AGE_NS: u64 = 100_000_000;

/// What was seen of a connection.
#[derive(Clone, Debug, Default)]
pub(in crate::table) struct Evidence {
    /// Whether a SYN was sent.
    syn_was_sent: bool,
    /// SYNs or SYN-ACKs sent again, since the connection is in its state; None if they are not counted.
    pub(super) syn_retransmits: Option<u16>,
    /// The last ICMP error that answered a SYN, an errno.
    syn_error: Option<u16>,
    /// The last RST that this host sent.
    reset: Option<Box<Reset>>,
}

/// An RST that this host sent: in which state, and why.
#[derive(Clone, Copy, Debug)]
struct Reset {
    at_ns: u64,
    state: State,
    cause: Option<&'static str>,
}

impl Evidence {
    /// Whether the connection's SYN was sent.
    pub(in crate::table) fn syn_was_sent(&self) -> bool {
        self.syn_was_sent
    }

    /// The last ICMP error that answered a SYN, an errno.
    pub(in crate::table) fn syn_error(&self) -> Option<u32> {
        self.syn_error.map(u32::from)
    }

    /// The cause of the RST that this host has sent right before it closed the full socket, if it has sent one. An RST that
    /// answers a wrong segment doesn't end a connection.
    pub(in crate::table) fn reset_before(&self, close: &Transition) -> Option<Option<&'static str>> {
        let reset = self.recent_reset(close.at).filter(|reset| reset.state == close.old)?;
        Some(reset.cause)
    }

    /// The cause of the RST that this host has sent right before it removed the minisocket, if it has sent one.
    pub(in crate::table) fn reset_before_removal(&self, at: Moment) -> Option<Option<&'static str>> {
        self.recent_reset(at).map(|reset| reset.cause)
    }

    fn recent_reset(&self, at: Moment) -> Option<&Reset> {
        self.reset.as_deref().filter(|reset| at.mono_ns.saturating_sub(reset.at_ns) < MAX_RESET_AGE_NS)
    }
}

impl Connection {
    /// What was seen of it.
    pub(in crate::table) fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// From now on repeated SYNs and SYN-ACKs are counted.
    pub(in crate::table) fn count_syns(&mut self) {
        self.evidence.syn_retransmits = Some(0);
    }

    /// A SYN or a SYN-ACK was sent again.
    pub(in crate::table) fn syn_retransmitted(&mut self) {
        let count = &mut self.evidence.syn_retransmits;
        *count = count.map(|count| count.saturating_add(1));
    }

    /// The first segment was sent.
    pub(super) fn syn_sent(&mut self) {
        if self.direction == Some(Direction::Outbound) {
            self.evidence.syn_was_sent = true;
        }
    }

    /// An ICMP error answered the SYN.
    pub(in crate::table) fn syn_failed(&mut self, error: u32) {
        self.evidence.syn_error = u16::try_from(error).ok();
    }

    /// This host sent an RST.
    pub(in crate::table) fn reset_sent(&mut self, reset: &ResetSent) {
        let ResetSent { at, sk: _, state, half_open: _, cause } = *reset;
        self.evidence.reset = Some(Box::new(Reset { at_ns: at.mono_ns, state, cause }));
    }
}
