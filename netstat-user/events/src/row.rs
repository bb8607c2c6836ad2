//! The `transition`, `existing` and `repaired` events.

use std::{borrow::Cow, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::{CloseReason, Direction, Family, OwnerHow, Protocol, RowKind, Source, State, names};

/// A state transition of one connection, or a connection's state at the start of the trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row<'a> {
    /// Which of the three events.
    pub event: RowKind,
    /// When, in the kernel: RFC 3339, UTC, nanoseconds.
    pub ts: Cow<'a, str>,
    /// When, in the kernel: CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// The connection's name: the same in all of its events, unique within a run.
    pub conn: Cow<'a, str>,
    /// Address family; IPv4-mapped IPv6 addresses count as IPv4.
    pub family: Family,
    /// Protocol of the socket.
    pub proto: Protocol,
    /// Local address.
    pub local_addr: IpAddr,
    /// Local port.
    pub local_port: Option<u16>,
    /// Remote address; None for a listener.
    pub remote_addr: Option<IpAddr>,
    /// Remote port; None for a listener.
    pub remote_port: Option<u16>,
    /// Which endpoint opened the connection.
    pub direction: Option<Direction>,
    /// The state before the transition; None for `existing`.
    pub old_state: Option<State>,
    /// The state after the transition.
    pub new_state: State,
    /// How long the connection was in `old_state`, nanoseconds; None if the trace did not see it enter that state.
    pub state_ns: Option<u64>,
    /// Process id of the socket's owner.
    pub pid: Option<u32>,
    /// Process name of the socket's owner.
    pub comm: Option<Cow<'a, str>>,
    /// User id of the socket's owner.
    pub uid: Option<u32>,
    /// How the owner is known.
    pub owner: Option<OwnerHow>,
    /// Inode number of the socket's network namespace.
    pub netns: Option<u32>,
    /// Path of the socket's cgroup.
    pub cgroup: Option<Cow<'a, str>>,
    /// Why the connection ended; on transitions to CLOSE and TIME_WAIT.
    pub close_reason: Option<CloseReason>,
    /// Payload bytes that the peer acknowledged; on the transition from a connected state to CLOSE or TIME_WAIT.
    pub bytes_sent: Option<u64>,
    /// Payload bytes received; on the same transition.
    pub bytes_received: Option<u64>,
    /// Smoothed round trip time, microseconds; on the same transition.
    pub rtt_us: Option<u32>,
    /// Retransmitted segments; on the same transition.
    pub retransmits: Option<u32>,
    /// The source that reported it.
    pub source: Source,
    /// Name of the network interface that the socket is bound to, or that its link-local address belongs to.
    pub interface: Option<Cow<'a, str>>,
    /// Why the local endpoint sent an RST: the kernel's `enum sk_rst_reason`, in lower case.
    pub reset_cause: Option<Cow<'a, str>>,
    /// SYNs or SYN-ACKs sent again; on the transition out of SYN_SENT or SYN_RECV.
    pub syn_retransmits: Option<u32>,
}

impl Row<'_> {
    /// The names of the fields, in the order in which they are written.
    pub fn names() -> &'static [&'static str] {
        names::of::<Row<'static>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What scripts rely on: fields may be added, but neither renamed nor moved.
    const CONTRACT: &str = "event ts mono_ns conn family proto local_addr local_port remote_addr remote_port \
        direction old_state new_state state_ns pid comm uid owner netns cgroup close_reason bytes_sent \
        bytes_received rtt_us retransmits source interface reset_cause syn_retransmits";

    #[test]
    fn a_row_has_the_contract_s_fields_in_its_order() {
        assert_eq!(Row::names().join(" "), CONTRACT);
    }

    #[test]
    fn a_field_that_an_older_recording_lacks_is_unknown_and_one_of_a_newer_recording_is_ignored() {
        let line = r#"{"event":"transition","ts":"1970-01-01T00:00:00.000000000Z","mono_ns":0,"conn":"1",
            "family":"ipv6","proto":"tcp","local_addr":"::","new_state":"LISTEN","source":"ebpf","later":1}"#;
        let row: Row<'static> = serde_json::from_str(line).unwrap();
        assert_eq!((row.local_port, row.comm, row.new_state), (None, None, State::Listen));
    }
}
