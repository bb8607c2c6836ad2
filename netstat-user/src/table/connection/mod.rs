//! One connection in the table: its present state, and the rows that its changes make.

mod create;
mod evidence;

use rustc_hash::FxHashSet;

use super::{
    OwnerPolicy,
    listeners::{Inheritance, as_listener},
    tuple::Tuple,
};
use crate::model::{
    ConnId, Direction, Endpoint, Family, Interface, Moment, Owner, OwnerHow, Protocol, Row, RowKind, SockId,
    Source, State, TcpStats, Transition,
};

pub(in crate::table) use evidence::Evidence;

/// A connection, as the table knows it. Times are CLOCK_MONOTONIC in nanoseconds.
#[derive(Clone, Debug)]
pub struct Connection {
    id: ConnId,
    /// 0 while it is not certain.
    cookie: u64,
    family: Family,
    protocol: Protocol,
    local: Endpoint,
    remote: Endpoint,
    direction: Option<Direction>,
    state: State,
    entered: Entered,
    /// When a child was created whose half-open phase was not seen. It counts as the beginning of SYN_RECV only if
    /// the kernel had no request socket (Fast Open).
    child_created_ns: Option<u64>,
    owner: Option<Owner>,
    /// The socket's user, where the source has it without the process.
    socket_uid: Option<u32>,
    netns: Option<u32>,
    cgroup: Option<u64>,
    /// The interface that the socket is bound to.
    interface: Option<Interface>,
    /// Whether a request or timewait socket represents it, not a full socket.
    is_minisock: bool,
    evidence: Evidence,
    /// Set when the full socket closes.
    tcp_stats: Option<Box<TcpStats>>,
    /// The state before the first transition that the table saw, of a connection that existed before the trace.
    initial_state: Option<State>,
    first_seen_ns: u64,
    last_seen_ns: u64,
}

/// Since when a connection is in its state, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// It entered the state at this time, CLOCK_MONOTONIC in nanoseconds.
    At(u64),
    /// It was found in the state at this time, CLOCK_MONOTONIC in nanoseconds, and entered it before.
    Before(u64),
}

impl Entered {
    fn exact(self) -> Option<u64> {
        match self {
            Self::At(ns) => Some(ns),
            Self::Before(_) => None,
        }
    }
}

impl Connection {
    /// Its name.
    pub fn id(&self) -> ConnId {
        self.id
    }

    /// Its present state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when it is in that state.
    pub fn entered(&self) -> Entered {
        self.entered
    }

    /// The family of its packets.
    pub fn family(&self) -> Family {
        self.family
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Its endpoint on this host.
    pub fn local(&self) -> Endpoint {
        self.local
    }

    /// The process that holds it.
    pub fn owner(&self) -> Option<Owner> {
        self.owner
    }

    /// Inode number of its network namespace.
    pub fn netns(&self) -> Option<u32> {
        self.netns
    }

    /// Who opened it.
    pub fn direction(&self) -> Option<Direction> {
        self.direction
    }

    /// The row that reports its present state, of the kind [`RowKind::Existing`].
    pub fn existing_row(&self, at: Moment, source: Source) -> Row {
        self.found_row(RowKind::Existing, at, source)
    }

    /// A row of this kind, which reports the present state but no transition.
    pub(super) fn found_row(&self, kind: RowKind, at: Moment, source: Source) -> Row {
        Row { kind, old_state: None, state_ns: None, ..self.row(self.state, at, source) }
    }

    /// The row for its state before the first transition that the table saw, with the time of that transition; None if
    /// the trace saw it begin, or the row was taken before. `now` is any later time.
    pub(super) fn take_initial_row(&mut self, now: Moment, source: Source) -> Option<Row> {
        let state = self.initial_state.take()?;
        let at = now.earlier(self.first_seen_ns);
        Some(Row { kind: RowKind::Existing, old_state: None, ..self.row(state, at, source) })
    }

    /// Whether a socket in a snapshot with these endpoints can be this connection's.
    pub(super) fn can_have(&self, local: Endpoint, remote: Endpoint) -> bool {
        (self.local.port == 0 || self.local.port == local.port)
            && (self.remote.port == 0 || self.remote == remote)
    }

    /// Whether a snapshot of these network namespaces lists it: MPTCP sockets are in no table of the kernel.
    pub(super) fn is_listed_in(&self, netns: &FxHashSet<u32>) -> bool {
        self.protocol == Protocol::Tcp && self.netns.is_some_and(|own| netns.contains(&own))
    }

    pub(super) fn set_inbound(&mut self) {
        self.direction = Some(Direction::Inbound);
    }

    /// Whether it is in a listener's accept queue, provided that no process holds its socket.
    pub(super) fn is_waiting_to_be_accepted(&self) -> bool {
        self.direction == Some(Direction::Inbound)
            && matches!(self.state, State::SynRecv | State::Established | State::CloseWait)
    }

    /// Whether a process holds its socket, unless nobody has accepted it yet.
    pub(super) fn is_open(&self) -> bool {
        matches!(
            self.state,
            State::Listen | State::SynSent | State::SynRecv | State::Established | State::CloseWait
        )
    }

    pub(super) fn first_seen_ns(&self) -> u64 {
        self.first_seen_ns
    }

    pub(super) fn last_seen_ns(&self) -> u64 {
        self.last_seen_ns
    }

    pub(super) fn is_minisock(&self) -> bool {
        self.is_minisock
    }

    pub(super) fn set_is_minisock(&mut self, is_minisock: bool) {
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

    pub(super) fn clear_owner(&mut self) {
        self.owner = None;
    }

    /// Takes over the user that a poll found; without one the known user stays.
    pub(super) fn set_socket_uid(&mut self, uid: Option<u32>) {
        self.socket_uid = uid.or(self.socket_uid);
    }

    /// Whether an event of this socket can be an event of this connection.
    pub(super) fn can_be(&self, sock: SockId) -> bool {
        self.cookie == 0 || sock.cookie == 0 || self.cookie == sock.cookie
    }

    /// Its tuple, once both endpoints are known.
    pub(super) fn tuple(&self) -> Option<Tuple> {
        let Self { netns, local, remote, interface, .. } = *self;
        let interface = interface.map(|interface| interface.index);
        (local.port != 0 && remote.port != 0).then_some(Tuple { netns, local, remote, interface })
    }

    /// The same, of a connection that a minisocket may represent. An MPTCP connection has none: its subflows have
    /// them, with the same tuple.
    pub(super) fn minisock_tuple(&self) -> Option<Tuple> {
        self.tuple().filter(|_| self.protocol == Protocol::Tcp)
    }

    /// What a connection inherits from this listening socket.
    pub(super) fn inheritance(&self) -> Inheritance {
        (self.owner.map(as_listener), self.cgroup)
    }

    /// Takes over its listener's owner and cgroup.
    pub(super) fn inherit(&mut self, (owner, cgroup): Inheritance) {
        self.owner = owner;
        self.cgroup = cgroup;
    }

    /// The full socket's connection becomes the half-open one.
    pub(super) fn take_over(&mut self, half_open: &Self) {
        let Self { id, entered, owner, cgroup, .. } = *half_open;
        self.id = id;
        self.entered = entered;
        self.owner = owner;
        self.cgroup = cgroup;
        self.evidence = half_open.evidence.clone();
        self.state = State::SynRecv;
        self.direction = Some(Direction::Inbound);
    }

    /// Takes over the interface that the socket is bound to: SO_BINDTODEVICE may change it. Without a name in the event the
    /// known name stays.
    pub(super) fn learn_interface(&mut self, interface: Option<Interface>) {
        let known = self.interface.filter(|known| interface.is_some_and(|new| new.index == known.index));
        self.interface = interface.filter(|new| new.name.is_some()).or(known).or(interface);
    }

    /// Takes over endpoints from an event; returns whether one of them was not known before.
    pub(super) fn learn_endpoints(&mut self, local: Endpoint, remote: Endpoint) -> bool {
        let mut is_new = false;
        if self.remote.port == 0 && remote.port != 0 && self.direction != Some(Direction::Listen) {
            self.remote = remote;
            self.local.addr = local.addr;
            self.family = if remote.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
            is_new = true;
        }
        if self.local.port == 0 && local.port != 0 {
            self.local.port = local.port;
            is_new = true;
        }
        is_new
    }

    /// A Fast Open child has sent its SYN-ACK: it waits for the ACK as a half-open connection does.
    pub(super) fn first_segment_is_sent(&mut self) {
        self.syn_sent();
        if self.state == State::SynRecv
            && self.entered.exact().is_none()
            && let Some(created_ns) = self.child_created_ns
        {
            self.entered = Entered::At(created_ns);
        }
    }

    /// Whether an endpoint is unknown that a later event reports.
    pub(super) fn waits_for_endpoints(&self, tuples_are_reported: bool) -> bool {
        match self.direction {
            Some(Direction::Outbound) => self.local.port == 0 && tuples_are_reported,
            Some(Direction::Inbound) => self.remote.port == 0,
            _ => false,
        }
    }

    /// Makes the transition of a full socket, and its row.
    pub(super) fn change(&mut self, change: &Transition, policy: OwnerPolicy, source: Source) -> Row {
        self.learn_owner(change.process, change.has_socket, policy);
        let is_new_child = change.old == State::Listen && change.new == State::SynRecv;
        if !is_new_child && self.cookie == 0 {
            self.cookie = change.sock.cookie;
        }
        self.cgroup = change.cgroup.or(self.cgroup);
        let mut row = self.change_state(change.new, change.at, source);
        if row.old_state != Some(change.old) {
            row.old_state = Some(change.old);
            row.state_ns = None;
            row.syn_retransmits = None;
        }
        if is_new_child {
            // Either the handshake is over (SYN cookies), or the SYN-ACK is sent now (Fast Open).
            self.child_created_ns = Some(change.at.mono_ns);
            self.entered = Entered::Before(change.at.mono_ns);
        }
        row
    }

    /// Enters a state, and makes the row.
    pub(super) fn change_state(&mut self, new: State, at: Moment, source: Source) -> Row {
        let old = std::mem::replace(&mut self.state, new);
        let entered = std::mem::replace(&mut self.entered, Entered::At(at.mono_ns));
        // The clocks of two CPUs may differ by some microseconds against the ring's order.
        let state_ns = entered.exact().map(|entered| at.mono_ns.saturating_sub(entered));
        self.last_seen_ns = at.mono_ns;
        let mut row = Row { old_state: Some(old), state_ns, ..self.row(new, at, source) };
        if matches!(old, State::SynSent | State::SynRecv) {
            row.syn_retransmits = state_ns.and(self.evidence.syn_retransmits).map(u32::from);
            // A simultaneous open goes from SYN_SENT to SYN_RECV.
            self.evidence.syn_retransmits = self.evidence.syn_retransmits.map(|_| 0);
        }
        row
    }

    /// The same of a state that a poll found: when the connection entered it is not known.
    pub(super) fn change_between_polls(&mut self, new: State, at: Moment, source: Source) -> Row {
        let row = self.change_state(new, at, source);
        self.entered = Entered::Before(at.mono_ns);
        row
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
            socket_uid: self.socket_uid,
            netns: self.netns,
            cgroup: self.cgroup,
            close_reason: None,
            tcp_stats: None,
            source,
            interface: self.interface.and_then(|interface| interface.name),
            reset_cause: None,
            syn_retransmits: None,
        }
    }

    /// Sets the endpoints of a row that was made before they were known.
    pub(super) fn fill_in_endpoints(&self, row: &mut Row) {
        row.family = self.family;
        row.local = self.local;
        row.remote = self.remote();
    }

    /// Its endpoint on the other host; None for a listener, and while it is not known.
    pub fn remote(&self) -> Option<Endpoint> {
        (self.remote.port != 0).then_some(self.remote)
    }

    fn learn_owner(&mut self, process: Option<Owner>, has_socket: Option<bool>, policy: OwnerPolicy) {
        let Some(process) = process else { return };
        // A process that closes an accepted connection had it open; the listener's owner may not have had.
        let is_better = process.how != OwnerHow::Close
            || self.owner.is_none_or(|owner| match owner.how {
                OwnerHow::Listener => has_socket != Some(false),
                _ => !policy(owner.pid, process.pid),
            });
        if is_better {
            self.owner = Some(process);
        }
    }
}
