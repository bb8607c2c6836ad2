//! A row as programs read it: the contract's names in the contract's order, null for what isn't known.

use std::net::IpAddr;

use super::labels;
use crate::model::{Comm, ConnId, Row};

/// The fields of a `transition`, an `existing` or a `repaired`.
pub(super) struct RowFields<'a> {
    pub(super) event: &'static str,
    pub(super) ts: &'a str,
    pub(super) mono_ns: u64,
    pub(super) conn: ConnId,
    pub(super) family: &'static str,
    pub(super) proto: &'static str,
    pub(super) local_addr: IpAddr,
    pub(super) local_port: Option<u16>,
    pub(super) remote_addr: Option<IpAddr>,
    pub(super) remote_port: Option<u16>,
    pub(super) direction: Option<&'static str>,
    pub(super) old_state: Option<&'static str>,
    pub(super) new_state: &'static str,
    pub(super) state_ns: Option<u64>,
    pub(super) pid: Option<u32>,
    pub(super) comm: Option<Comm>,
    pub(super) uid: Option<u32>,
    pub(super) owner: Option<&'static str>,
    pub(super) netns: Option<u32>,
    pub(super) cgroup: Option<&'a str>,
    pub(super) close_reason: Option<&'static str>,
    pub(super) bytes_sent: Option<u64>,
    pub(super) bytes_received: Option<u64>,
    pub(super) rtt_us: Option<u32>,
    pub(super) retransmits: Option<u32>,
    pub(super) source: &'static str,
}

impl<'a> RowFields<'a> {
    /// The row's fields; `cgroup` is the path of its cgroup, `ts` the text of its moment.
    pub(super) fn new(row: &Row, cgroup: Option<&'a str>, ts: &'a str) -> Self {
        let Row {
            kind,
            at,
            conn,
            family,
            protocol,
            local,
            remote,
            direction,
            old_state,
            new_state,
            state_ns,
            owner,
            socket_uid,
            netns,
            // A number that means nothing to a reader, who gets the path.
            cgroup: _,
            close_reason,
            tcp_stats,
            source,
        } = *row;
        Self {
            event: labels::event(kind),
            ts,
            mono_ns: at.mono_ns,
            conn,
            family: labels::family(family),
            proto: labels::protocol(protocol),
            local_addr: local.addr,
            local_port: known(local.port),
            remote_addr: remote.map(|end| end.addr),
            remote_port: remote.and_then(|end| known(end.port)),
            direction: direction.map(labels::direction),
            old_state: old_state.map(|state| state.name()),
            new_state: new_state.name(),
            state_ns,
            pid: owner.map(|owner| owner.pid),
            comm: owner.map(|owner| owner.comm),
            uid: owner.and_then(|owner| owner.uid).or(socket_uid),
            owner: owner.map(|owner| labels::owner(owner.how)),
            netns,
            cgroup,
            close_reason: close_reason.map(labels::close_reason),
            bytes_sent: tcp_stats.and_then(|tcp_stats| tcp_stats.bytes_sent),
            bytes_received: tcp_stats.map(|tcp_stats| tcp_stats.bytes_received),
            rtt_us: tcp_stats.and_then(|tcp_stats| tcp_stats.rtt_us),
            retransmits: tcp_stats.map(|tcp_stats| tcp_stats.retransmits),
            source: labels::source(source),
        }
    }
}

fn known(port: u16) -> Option<u16> {
    Some(port).filter(|port| *port != 0)
}
