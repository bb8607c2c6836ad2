//! MPTCP connections and their first subflows, which have the same endpoints: the end of one tells why the other ends.
//!
//! If a subflow is refused or reset, the kernel may close the MPTCP socket without an error
//! (`__mptcp_subflow_error_report`, net/mptcp/protocol.c, 6.18). If a process closes the MPTCP socket with data unread, the
//! kernel closes the subflows as it closes one that nobody has accepted: without an error and without a file
//! (`mptcp_do_fastclose`, there).

use rustc_hash::FxHashMap;

use super::{Connection, Table, reason::Ending, tuple::Tuple};
use crate::model::{CloseReason, Protocol, State, Transition};

/// A subflow is closed microseconds after its MPTCP socket, or by the kernel's worker soon after; this is longer
/// (nanoseconds).
const MAX_CLOSED_AGE_NS: u64 = 1_000_000_000;

/// The MPTCP connections whose endpoints are known.
#[derive(Debug, Default)]
pub(super) struct MptcpConnections {
    known: FxHashMap<Tuple, Known>,
    /// At how many entries those of connections that have ended unseen are removed.
    sweep_at: usize,
}

#[derive(Clone, Copy, Debug)]
enum Known {
    /// The socket at `key` is open; why its first subflow has ended.
    Open { key: u64, subflow: Option<CloseReason> },
    /// This host has reset the connection at this time, and its first subflow has not ended yet.
    Reset { at_ns: u64 },
}

impl MptcpConnections {
    const MIN_SWEEP: usize = 64;

    fn insert(&mut self, tuple: Tuple, known: Known, connections: &FxHashMap<u64, Connection>, now_ns: u64) {
        self.known.insert(tuple, known);
        if self.known.len() < self.sweep_at.max(Self::MIN_SWEEP) {
            return;
        }
        self.known.retain(|tuple, known| match *known {
            Known::Open { key, .. } => connections.get(&key).is_some_and(|open| open.is_mptcp_at(tuple)),
            Known::Reset { at_ns } => now_ns.saturating_sub(at_ns) < MAX_CLOSED_AGE_NS,
        });
        self.sweep_at = 2 * self.known.len();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

impl Connection {
    fn is_mptcp_at(&self, tuple: &Tuple) -> bool {
        self.protocol() == Protocol::Mptcp && self.tuple().as_ref() == Some(tuple)
    }
}

impl Table {
    /// Notes the endpoints of an open MPTCP connection.
    pub(super) fn note_mptcp(&mut self, key: u64, now_ns: u64) {
        let tuple = self.connections.get(&key).and_then(Connection::tuple);
        if let Some(tuple) = tuple
            && !matches!(self.mptcp.known.get(&tuple), Some(Known::Open { key: known, .. }) if *known == key)
        {
            self.mptcp.insert(tuple, Known::Open { key, subflow: None }, &self.connections, now_ns);
        }
    }

    /// Notes why the first subflow of an MPTCP connection ends, if these are its endpoints.
    pub(super) fn note_subflow_end(&mut self, tuple: Option<Tuple>, reason: Option<CloseReason>) {
        if !self.mptcp.known.is_empty()
            && let Some(Known::Open { subflow, .. }) =
                tuple.and_then(|tuple| self.mptcp.known.get_mut(&tuple))
        {
            *subflow = reason;
        }
    }

    /// Completes what the close of a full socket tells by what is known of the connection above, or of the subflow.
    pub(super) fn with_mptcp(&mut self, change: &Transition, tuple: Option<Tuple>, ending: Ending) -> Ending {
        let Some(tuple) = tuple.filter(|_| !self.mptcp.known.is_empty()) else { return ending };
        match change.protocol {
            Protocol::Mptcp => {
                let known = self.mptcp.known.remove(&tuple);
                let ending = match known {
                    Some(Known::Open { subflow: Some(reason), .. }) if is_without_reason(change) => {
                        Ending::certain(reason)
                    }
                    _ => ending,
                };
                if ending.reason == Some(CloseReason::ResetSent)
                    && matches!(known, Some(Known::Open { subflow: None, .. }))
                {
                    let at_ns = change.at.mono_ns;
                    self.mptcp.insert(tuple, Known::Reset { at_ns }, &self.connections, at_ns);
                }
                ending
            }
            Protocol::Tcp => {
                let Some(Known::Reset { at_ns }) = self.mptcp.known.get(&tuple).copied() else {
                    self.note_subflow_end(Some(tuple), ending.reason);
                    return ending;
                };
                self.mptcp.known.remove(&tuple);
                let is_recent = change.at.mono_ns.saturating_sub(at_ns) < MAX_CLOSED_AGE_NS;
                if is_recent && is_without_reason(change) && ending.reason == Some(CloseReason::Aborted) {
                    let reset = Some(CloseReason::ResetSent);
                    return Ending {
                        reason: reset,
                        reason_if_reset: ending.reason_if_reset.and(reset),
                        ..ending
                    };
                }
                ending
            }
        }
    }
}

/// Whether a socket was closed before its FINs were through, and the kernel doesn't say why.
fn is_without_reason(change: &Transition) -> bool {
    let is_before_fins = matches!(
        change.old,
        State::SynSent | State::SynRecv | State::Established | State::CloseWait | State::FinWait1
    );
    is_before_fins && change.error == Some(0)
}
