//! One connection in the table.

use rustc_hash::FxHashSet;

use super::{
    OwnerPolicy,
    listeners::{Inheritance, as_listener},
    tuple::Tuple,
};
use crate::model::{
    ConnId, Direction, Endpoint, Family, MinisockCreated, Moment, Owner, OwnerHow, Protocol, Row, RowKind,
    SnapshotSocket, SockId, Source, State, TcpStats, Transition,
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
    /// When a child began whose half-open phase was not seen: it counts only if the kernel kept none.
    began_ns: Option<u64>,
    owner: Option<Owner>,
    netns: Option<u32>,
    cgroup: Option<u64>,
    /// The kernel's socket of a half-open connection's listener.
    listener: Option<u64>,
    /// Whether the kernel has a request or timewait socket of it, not a full one.
    is_minisock: bool,
    /// Its numbers, once its full socket has closed.
    tcp_stats: Option<Box<TcpStats>>,
    /// The state in which it was at the start, of a connection that the table met in the middle.
    met_in: Option<State>,
    /// CLOCK_MONOTONIC in nanoseconds of the first and of the last that was seen of it.
    born_ns: u64,
    seen_ns: u64,
}

impl Connection {
    /// A connection that the table hears of by `change` for the first time, before that change.
    pub(super) fn new(id: ConnId, change: &Transition) -> Self {
        let direction = match (change.old, change.new) {
            (State::Close, State::SynSent) | (State::SynSent, _) => Some(Direction::Outbound),
            (State::Listen, State::SynRecv | State::Established) => Some(Direction::Inbound),
            (State::Close, State::Listen) | (State::Listen, _) => Some(Direction::Listen),
            _ => None,
        };
        let is_birth = super::begins_connection(change.old, change.new);
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
            began_ns: None,
            owner: None,
            netns: change.netns,
            cgroup: None,
            listener: None,
            is_minisock: false,
            tcp_stats: None,
            met_in: (!is_birth).then_some(change.old),
            born_ns: change.at.mono_ns,
            seen_ns: change.at.mono_ns,
        }
    }

    /// A connection whose SYN has come.
    pub(super) fn half_open(id: ConnId, start: &MinisockCreated) -> Self {
        Self {
            id,
            cookie: 0,
            family: start.family,
            protocol: Protocol::Tcp,
            local: start.local,
            remote: start.remote,
            direction: Some(Direction::Inbound),
            state: State::Listen,
            entered_ns: None,
            began_ns: None,
            owner: None,
            netns: Some(start.netns),
            cgroup: None,
            listener: start.listener,
            is_minisock: true,
            tcp_stats: None,
            met_in: None,
            born_ns: start.at.mono_ns,
            seen_ns: start.at.mono_ns,
        }
    }

    /// A connection that a look has found.
    pub(super) fn found(id: ConnId, socket: &SnapshotSocket) -> Self {
        let direction = match socket.state {
            State::Listen => Some(Direction::Listen),
            State::SynSent => Some(Direction::Outbound),
            State::SynRecv if socket.is_minisock => Some(Direction::Inbound),
            _ => None,
        };
        Self {
            id,
            cookie: socket.sock.cookie,
            family: socket.family,
            protocol: socket.protocol,
            local: socket.local,
            remote: socket.remote,
            direction,
            state: socket.state,
            entered_ns: None,
            began_ns: None,
            owner: None,
            netns: Some(socket.netns),
            cgroup: socket.cgroup,
            listener: socket.listener,
            is_minisock: socket.is_minisock,
            tcp_stats: None,
            met_in: None,
            born_ns: socket.at.mono_ns,
            seen_ns: socket.at.mono_ns,
        }
    }

    /// The row that tells that it was found.
    pub(super) fn found_row(&self, kind: RowKind, at: Moment, source: Source) -> Row {
        Row { kind, old_state: None, state_ns: None, ..self.row(self.state, at, source) }
    }

    /// The row that tells in which state it was at the start, of a connection that was met in the middle.
    pub(super) fn take_initial_row(&mut self, at: Moment, source: Source) -> Option<Row> {
        let state = self.met_in.take()?;
        Some(Row { kind: RowKind::Existing, old_state: None, ..self.row(state, at, source) })
    }

    /// Whether a look may find it at these ends.
    pub(super) fn may_have(&self, local: Endpoint, remote: Endpoint) -> bool {
        (self.local.port == 0 || self.local.port == local.port)
            && (self.remote.port == 0 || self.remote == remote)
    }

    /// Whether the kernel's tables of these network namespaces have it: MPTCP's sockets are in none.
    pub(super) fn is_listed_in(&self, netns: &FxHashSet<u32>) -> bool {
        self.protocol == Protocol::Tcp && self.netns.is_some_and(|own| netns.contains(&own))
    }

    /// It came to a port that is listened on.
    pub(super) fn is_inbound(&mut self) {
        self.direction = Some(Direction::Inbound);
    }

    /// Whether it is a connection that stands in a listener's queue, if no process has its socket.
    pub(super) fn is_waiting_to_be_accepted(&self) -> bool {
        self.direction == Some(Direction::Inbound)
            && matches!(self.state, State::SynRecv | State::Established | State::CloseWait)
    }

    pub(super) fn netns(&self) -> Option<u32> {
        self.netns
    }

    pub(super) fn local(&self) -> Endpoint {
        self.local
    }

    pub(super) fn born_ns(&self) -> u64 {
        self.born_ns
    }

    pub(super) fn seen_ns(&self) -> u64 {
        self.seen_ns
    }

    pub(super) fn direction(&self) -> Option<Direction> {
        self.direction
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn listener(&self) -> Option<u64> {
        self.listener
    }

    /// Whether it is a listener that the other can have come to.
    pub(super) fn listens_for(&self, other: &Self) -> bool {
        self.state == State::Listen && self.local.port == other.local.port
    }

    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    pub(super) fn id(&self) -> ConnId {
        self.id
    }

    pub(super) fn is_minisock(&self) -> bool {
        self.is_minisock
    }

    /// Its full socket has closed; a timewait socket is left of it, or nothing.
    pub(super) fn is_minisock_now(&mut self, is_minisock: bool) {
        self.is_minisock = is_minisock;
    }

    pub(super) fn tcp_stats(&self) -> Option<TcpStats> {
        self.tcp_stats.as_deref().copied()
    }

    pub(super) fn set_tcp_stats(&mut self, tcp_stats: Option<TcpStats>) {
        self.tcp_stats = tcp_stats.map(Box::new);
    }

    pub(super) fn set_owner(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    /// Whether an event of this socket can be an event of this connection.
    pub(super) fn can_be(&self, sock: SockId) -> bool {
        self.cookie == 0 || sock.cookie == 0 || self.cookie == sock.cookie
    }

    /// Its ends, once both are known.
    pub(super) fn ends(&self) -> Option<Tuple> {
        let Self { netns, local, remote, .. } = *self;
        (local.port != 0 && remote.port != 0).then_some(Tuple { netns, local, remote })
    }

    /// The same, of a connection that may have a request or a timewait socket. MPTCP's have none: their subflows do,
    /// between the same ends.
    pub(super) fn minisock_ends(&self) -> Option<Tuple> {
        self.ends().filter(|_| self.protocol == Protocol::Tcp)
    }

    /// What its children have of a listener.
    pub(super) fn inheritance(&self) -> Inheritance {
        (self.owner.map(as_listener), self.cgroup)
    }

    /// Takes what its listener gives.
    pub(super) fn inherit(&mut self, (owner, cgroup): Inheritance) {
        self.owner = owner;
        self.cgroup = cgroup;
    }

    /// The full socket takes over what its half-open connection was.
    pub(super) fn go_on_from(&mut self, half_open: &Self) {
        let Self { id, entered_ns, owner, cgroup, .. } = *half_open;
        self.id = id;
        self.entered_ns = entered_ns;
        self.owner = owner;
        self.cgroup = cgroup;
        self.state = State::SynRecv;
        self.direction = Some(Direction::Inbound);
    }

    /// Takes over what an event knows of the ends; says whether that was news.
    pub(super) fn learn_ends(&mut self, local: Endpoint, remote: Endpoint) -> bool {
        let mut news = false;
        if self.remote.port == 0 && remote.port != 0 && self.direction != Some(Direction::Listen) {
            self.remote = remote;
            self.local.addr = local.addr;
            self.family = if remote.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
            news = true;
        }
        if self.local.port == 0 && local.port != 0 {
            self.local.port = local.port;
            news = true;
        }
        news
    }

    /// A Fast Open child sends its SYN-ACK: it waits for the ACK like a half-open connection.
    pub(super) fn first_segment_is_sent(&mut self) {
        if self.state == State::SynRecv && self.entered_ns.is_none() {
            self.entered_ns = self.began_ns;
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

    /// Makes the change that a full socket made, and the row that tells it.
    pub(super) fn change(&mut self, change: &Transition, keeps: OwnerPolicy, source: Source) -> Row {
        self.learn_owner(change.process, change.has_socket, keeps);
        let is_born = change.old == State::Listen && change.new == State::SynRecv;
        if !is_born && self.cookie == 0 {
            self.cookie = change.sock.cookie;
        }
        self.cgroup = change.cgroup.or(self.cgroup);
        let mut row = self.go(change.new, change.at, source);
        if row.old_state != Some(change.old) {
            row.old_state = Some(change.old);
            row.state_ns = None;
        }
        if is_born {
            // The kernel has kept the handshake to itself (SYN cookies), or sends its SYN-ACK now (Fast Open).
            self.began_ns = self.entered_ns.take();
        }
        row
    }

    /// Goes to a state, and makes the row that tells it.
    pub(super) fn go(&mut self, new: State, at: Moment, source: Source) -> Row {
        let old = std::mem::replace(&mut self.state, new);
        // Two CPUs' clocks may differ by some microseconds against the ring's order.
        let state_ns = self.entered_ns.replace(at.mono_ns).map(|entered| at.mono_ns.saturating_sub(entered));
        self.seen_ns = at.mono_ns;
        Row { old_state: Some(old), state_ns, ..self.row(new, at, source) }
    }

    fn row(&self, new_state: State, at: Moment, source: Source) -> Row {
        Row {
            kind: RowKind::Transition,
            at,
            conn: self.id,
            family: self.family,
            protocol: self.protocol,
            local: self.local,
            remote: self.remote(),
            direction: self.direction,
            old_state: None,
            new_state,
            state_ns: None,
            owner: self.owner,
            socket_uid: None,
            netns: self.netns,
            cgroup: self.cgroup,
            close_reason: None,
            tcp_stats: None,
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

    fn learn_owner(&mut self, process: Option<Owner>, has_socket: Option<bool>, keeps: OwnerPolicy) {
        // Somebody has accepted it: the listener's owner is its no more.
        if has_socket == Some(true) && self.owner.is_some_and(|owner| owner.how == OwnerHow::Listener) {
            self.owner = None;
        }
        let Some(process) = process else { return };
        let is_better =
            process.how != OwnerHow::Close || self.owner.is_none_or(|owner| !keeps(owner.pid, process.pid));
        if is_better {
            self.owner = Some(process);
        }
    }
}
