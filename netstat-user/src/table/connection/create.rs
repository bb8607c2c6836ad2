//! How a connection enters the table: by a transition, a minisocket, a snapshot or a poll.

use super::{super::begins_connection, Connection, Entered, Evidence};
use crate::model::{
    ConnId, Direction, Endpoint, Family, MinisockCreated, Moment, PolledSocket, Protocol, SnapshotSocket,
    State, Transition,
};

impl Connection {
    /// A connection that the table did not know before `change`, in the state that the change leaves.
    pub(in crate::table) fn new(id: ConnId, change: &Transition) -> Self {
        let direction = match (change.old, change.new) {
            (State::Close, State::SynSent) | (State::SynSent, _) => Some(Direction::Outbound),
            (State::Listen, State::SynRecv | State::Established) => Some(Direction::Inbound),
            (State::Close, State::Listen) | (State::Listen, _) => Some(Direction::Listen),
            _ => None,
        };
        let is_first_transition = begins_connection(change.old, change.new);
        Self {
            // A child that is being created may still have its listener's cookie (up to 6.12).
            cookie: if direction == Some(Direction::Inbound) { 0 } else { change.sock.cookie },
            protocol: change.protocol,
            direction,
            netns: change.netns,
            interface: change.interface,
            initial_state: (!is_first_transition).then_some(change.old),
            ..Self::unseen(id, change.family, change.local, change.remote, change.old, change.at)
        }
    }

    /// A half-open connection, before its transition LISTEN→SYN_RECV.
    pub(in crate::table) fn half_open(id: ConnId, minisock: &MinisockCreated) -> Self {
        let &MinisockCreated {
            at,
            sock: _,
            state: _,
            is_observation: _,
            family,
            local,
            remote,
            netns,
            listener: _,
            interface,
        } = minisock;
        Self {
            direction: Some(Direction::Inbound),
            netns: Some(netns),
            interface,
            is_minisock: true,
            ..Self::unseen(id, family, local, remote, State::Listen, at)
        }
    }

    /// A connection that a snapshot found.
    pub(in crate::table) fn found(id: ConnId, socket: &SnapshotSocket) -> Self {
        let direction = match socket.state {
            State::Listen => Some(Direction::Listen),
            State::SynSent => Some(Direction::Outbound),
            State::SynRecv if socket.is_minisock => Some(Direction::Inbound),
            _ => None,
        };
        Self {
            cookie: socket.sock.cookie,
            protocol: socket.protocol,
            direction,
            netns: Some(socket.netns),
            cgroup: socket.cgroup,
            interface: socket.interface,
            is_minisock: socket.is_minisock,
            ..Self::unseen(id, socket.family, socket.local, socket.remote, socket.state, socket.at)
        }
    }

    /// A connection that a poll found; `has_listener`: a socket listens at its local endpoint.
    pub(in crate::table) fn polled(
        id: ConnId,
        socket: &PolledSocket,
        has_listener: bool,
        at: Moment,
    ) -> Self {
        let &PolledSocket { state, local, remote, handle: _, owner: _, uid, netns } = socket;
        let direction = match state {
            State::Listen => Some(Direction::Listen),
            State::SynSent => Some(Direction::Outbound),
            _ => has_listener.then_some(Direction::Inbound),
        };
        let family = if local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let remote = remote.unwrap_or(Endpoint { addr: local.addr, port: 0 });
        Self { direction, socket_uid: uid, netns, ..Self::unseen(id, family, local, remote, state, at) }
    }

    /// A TCP connection of which only these facts are known.
    fn unseen(
        id: ConnId,
        family: Family,
        local: Endpoint,
        remote: Endpoint,
        state: State,
        at: Moment,
    ) -> Self {
        Self {
            id,
            cookie: 0,
            family,
            protocol: Protocol::Tcp,
            local,
            remote,
            direction: None,
            state,
            entered: Entered::Before(at.mono_ns),
            child_created_ns: None,
            owner: None,
            socket_uid: None,
            netns: None,
            cgroup: None,
            interface: None,
            is_minisock: false,
            evidence: Evidence::default(),
            tcp_stats: None,
            initial_state: None,
            first_seen_ns: at.mono_ns,
            last_seen_ns: at.mono_ns,
        }
    }
}
