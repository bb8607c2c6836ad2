//! One connection in the table.

use crate::model::{
    ConnId, Direction, Endpoint, Family, Owner, OwnerHow, Protocol, Row, RowKind, SockId, Source, State, Transition,
};

/// What the table knows of a connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    id: ConnId,
    /// 0 while it is not known for sure.
    cookie: u64,
    family: Family,
    protocol: Protocol,
    local: Endpoint,
    remote: Endpoint,
    direction: Option<Direction>,
    state: State,
    /// CLOCK_MONOTONIC in nanoseconds at which it entered `state`; None if that was not seen.
    entered_ns: Option<u64>,
    owner: Option<Owner>,
    netns: Option<u32>,
}

impl Connection {
    /// A connection that the table hears of by `change` for the first time, before that change.
    pub(super) fn new(id: ConnId, change: &Transition) -> Self {
        let direction = match (change.old, change.new) {
            (State::Close, State::SynSent) => Some(Direction::Outbound),
            (State::Listen, State::SynRecv) => Some(Direction::Inbound),
            (State::Close, State::Listen) | (State::Listen, _) => Some(Direction::Listen),
            _ => None,
        };
        Self {
            id,
            // A child that is being born may still show its listener's cookie (up to 6.12).
            cookie: if direction == Some(Direction::Inbound) { 0 } else { change.sock.cookie },
            family: change.family,
            protocol: change.protocol,
            local: change.local,
            remote: change.remote,
            direction,
            state: change.old,
            entered_ns: None,
            owner: None,
            netns: change.netns,
        }
    }

    /// Whether an event of this socket can be an event of this connection.
    pub(super) fn can_be(&self, sock: SockId) -> bool {
        self.cookie == 0 || sock.cookie == 0 || self.cookie == sock.cookie
    }

    /// Takes over what an event knows of the ends; what is not known leaves what was.
    pub(super) fn learn_ends(&mut self, local: Endpoint, remote: Endpoint) {
        if self.remote.port == 0 && remote.port != 0 {
            self.remote = remote;
            self.local.addr = local.addr;
            self.family = if remote.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        }
        if self.local.port == 0 {
            self.local.port = local.port;
        }
    }

    /// Whether the connection began before its ends were known, and something will tell them.
    pub(super) fn waits_for_ends(&self, ends_follow: bool) -> bool {
        match self.direction {
            Some(Direction::Outbound) => self.local.port == 0 && ends_follow,
            Some(Direction::Inbound) => self.remote.port == 0,
            _ => false,
        }
    }

    /// Makes the change, and the row that tells it.
    pub(super) fn change(&mut self, change: &Transition, source: Source) -> Row {
        let state_ns = self
            .entered_ns
            .filter(|_| self.state == change.old)
            // Two CPUs' clocks may differ by some microseconds against the ring's order.
            .map(|entered| change.at.mono_ns.saturating_sub(entered));
        self.learn_owner(change.process);
        if self.direction != Some(Direction::Inbound) || change.new != State::SynRecv {
            self.cookie = if self.cookie == 0 { change.sock.cookie } else { self.cookie };
        }
        self.state = change.new;
        self.entered_ns = Some(change.at.mono_ns);
        Row {
            kind: RowKind::Transition,
            at: change.at,
            conn: self.id,
            family: self.family,
            protocol: self.protocol,
            local: self.local,
            remote: self.remote(),
            direction: self.direction,
            old_state: Some(change.old),
            new_state: change.new,
            state_ns,
            owner: self.owner,
            netns: self.netns,
            cgroup: None,
            close_reason: None,
            metrics: None,
            source,
        }
    }

    /// Fills in a row that was made before the ends were known.
    pub(super) fn complete(&self, row: &mut Row) {
        row.family = self.family;
        row.local = self.local;
        row.remote = self.remote();
    }

    fn remote(&self) -> Option<Endpoint> {
        (self.remote.port != 0).then_some(self.remote)
    }

    /// Whoever closes a socket is usually a holder, but one that is known already is better known.
    fn learn_owner(&mut self, process: Option<Owner>) {
        match process {
            Some(process) if process.how != OwnerHow::Close || self.owner.is_none() => self.owner = Some(process),
            _ => {}
        }
    }
}
