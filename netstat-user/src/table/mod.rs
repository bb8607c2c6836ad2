//! The live table of connections: what an event means for the connection that it happened to.

mod capacity;
mod connection;
mod connections;
mod half_open;
mod listeners;
mod mptcp;
mod owner_checks;
mod owner_lookups;
mod pending_closes;
mod pending_rows;
mod poll;
mod process_names;
mod reason;
mod removed_minisocks;
mod retention;
mod snapshot;
mod tcp_stats;
mod timewait;
mod tombstones;
mod tuple;

use rustc_hash::FxHashMap;

use self::{
    capacity::Capacity, half_open::HalfOpen, listeners::Listeners, mptcp::MptcpConnections,
    owner_checks::OwnerChecks, owner_lookups::OwnerLookups, pending_closes::PendingCloses,
    pending_rows::PendingRows, poll::PollState, process_names::ProcessNames, timewait::Minisocks,
    tombstones::Tombstones,
};
pub use self::{
    connection::{Connection, Entered},
    connections::Connections,
    owner_checks::ProcessStart,
    retention::Retention,
    snapshot::Merged,
};
use crate::model::{
    ConnId, Event, Moment, Owner, Protocol, Row, SockId, SourceCapabilities, State, Transition,
};

/// Decides between the process that was known to own a connection (first argument) and the process that closes it
/// (second argument), both by their ids. True: the known owner stays the owner.
pub type OwnerPolicy = fn(u32, u32) -> bool;

/// What a table has to know when it is built.
#[derive(Debug)]
pub struct TableOptions {
    /// What the source can see.
    pub capabilities: SourceCapabilities,
    /// How many connections the table keeps at most, 1 or more. The others are counted, but not reported.
    pub limit: usize,
    /// Which connections the table keeps.
    pub retention: Retention,
    /// Whether the kernel filter omits transitions by their states: then the states in the table lag behind.
    pub omits_states: bool,
    /// Whether the process that closes a connection becomes its owner.
    pub owner_policy: OwnerPolicy,
    /// When a process was started: shows that an owner has ended.
    pub process_start: ProcessStart,
}

/// Every connection that the trace has seen and whose end it has not seen, by the kernel's socket.
///
/// A socket's address is enough of a key. The event stream reports in order when a socket begins another connection,
/// and when a connection goes from a request socket to a full socket and on to a timewait socket. The cookie shows
/// that a beginning was missed.
#[derive(Debug)]
pub struct Table {
    connections: FxHashMap<u64, Connection>,
    pending_rows: PendingRows,
    pending_closes: PendingCloses,
    half_open: HalfOpen,
    minisocks: Minisocks,
    listeners: Listeners,
    mptcp: MptcpConnections,
    owner_checks: OwnerChecks,
    owner_lookups: OwnerLookups,
    process_names: ProcessNames,
    tombstones: Tombstones,
    /// Whether the connections that existed before the trace are in the table.
    has_initial_connections: bool,
    poll: PollState,
    capabilities: SourceCapabilities,
    next_id: u64,
    limit: usize,
    retention: Retention,
    omits_states: bool,
    owner_policy: OwnerPolicy,
    capacity: Capacity,
    process_start: ProcessStart,
    /// How many connections of the first snapshot the full table did not take.
    existing_beyond_limit: u64,
}

impl Table {
    /// An empty table.
    pub fn new(options: TableOptions) -> Self {
        let TableOptions { capabilities, limit, retention, omits_states, owner_policy, process_start } =
            options;
        Self {
            connections: FxHashMap::default(),
            pending_rows: PendingRows::default(),
            pending_closes: PendingCloses::default(),
            half_open: HalfOpen::default(),
            minisocks: Minisocks::default(),
            listeners: Listeners::default(),
            mptcp: MptcpConnections::default(),
            owner_checks: OwnerChecks::default(),
            owner_lookups: OwnerLookups::default(),
            process_names: ProcessNames::default(),
            tombstones: Tombstones::default(),
            has_initial_connections: false,
            poll: PollState::default(),
            capabilities,
            next_id: 1,
            limit,
            retention,
            omits_states,
            owner_policy,
            capacity: Capacity::default(),
            process_start,
            existing_beyond_limit: 0,
        }
    }

    /// Forgets all connections. Their names are not used again.
    pub fn clear(&mut self) {
        self.connections.clear();
        self.pending_rows = PendingRows::default();
        self.pending_closes = PendingCloses::default();
        self.half_open = HalfOpen::default();
        self.minisocks = Minisocks::default();
        self.listeners = Listeners::default();
        self.mptcp = MptcpConnections::default();
        self.owner_checks = OwnerChecks::default();
        self.owner_lookups = OwnerLookups::default();
        self.process_names = ProcessNames::default();
        self.tombstones = Tombstones::default();
        self.has_initial_connections = false;
        self.poll = PollState::default();
        self.capacity = Capacity::default();
    }

    /// The connections, to be read.
    pub fn connections(&self) -> Connections<'_> {
        Connections(self)
    }

    /// How many connections of the first snapshot were not reported, because the table was full.
    pub fn existing_beyond_limit(&self) -> u64 {
        self.existing_beyond_limit
    }

    /// How many transitions at least were not reported, because the table was full; since the last call.
    pub fn take_unreported(&mut self) -> u64 {
        std::mem::take(&mut self.capacity.unreported)
    }

    /// Applies an event and emits the rows that it completes, oldest first.
    pub fn apply(&mut self, event: &Event, emit: &mut dyn FnMut(&Row)) {
        self.process_names.apply(event);
        self.with_process_names(emit, |table, emit| table.apply_event(event, emit));
        if self.process_names.is_full() {
            self.process_names.keep_only(
                &self.connections.values().filter_map(Connection::owner).map(|owner| owner.pid).collect(),
            );
        }
    }

    /// Runs `work`, and emits its rows with the present names of the processes.
    fn with_process_names<T>(
        &mut self,
        emit: &mut dyn FnMut(&Row),
        work: impl FnOnce(&mut Self, &mut dyn FnMut(&Row)) -> T,
    ) -> T {
        let names = std::mem::take(&mut self.process_names);
        let result = work(self, &mut |row| names.emit(row, emit));
        self.process_names = names;
        result
    }

    fn apply_event(&mut self, event: &Event, emit: &mut dyn FnMut(&Row)) {
        match event {
            Event::Transition(change) => self.transition(change, emit),
            Event::Tuple { sock, local, remote, is_observation } => {
                if !is_observation {
                    self.first_segment_is_sent(*sock);
                }
                self.tuple_reported(*sock, *local, *remote, emit);
            }
            Event::MinisockCreated(minisock) => match minisock.state {
                State::SynRecv => self.request_created(minisock, emit),
                _ if minisock.is_observation => self.timewait_observed(minisock, emit),
                _ => self.timewait_created(minisock, emit),
            },
            Event::MinisockRemoved(removed) => self.minisock_removed(removed, emit),
            Event::ResetSent(reset) => self.reset_sent(reset, emit),
            Event::SynRetransmitted { sk } => self.syn_retransmitted(*sk),
            Event::SynError { sk, error } => self.syn_failed(*sk, *error),
            Event::Accept { sock, owner } => self.accepted(*sock, *owner),
            Event::Poll(poll) => self.poll(poll, emit),
            Event::ProcessRenamed(_)
            | Event::PollFailed(_)
            | Event::Lost(_)
            | Event::LossCount(_)
            | Event::PossibleLoss(_) => {}
        }
    }

    /// When [`Self::tick`] has something to do, CLOCK_MONOTONIC in nanoseconds.
    pub fn next_tick_ns(&self) -> Option<u64> {
        let due = [
            self.pending_rows.next_due_ns(),
            self.pending_closes.next_due_ns(),
            self.minisocks.removed.next_end_ns(),
        ];
        due.into_iter().flatten().min()
    }

    /// The time of the oldest row that may still follow although it happened before the newest event: CLOCK_MONOTONIC in
    /// nanoseconds.
    pub fn oldest_waiting_ns(&mut self) -> Option<u64> {
        let removed_ns = self.oldest_removed().map(|removed| removed.at.mono_ns);
        let waiting = [self.pending_rows.oldest_ns(), self.pending_closes.oldest_ns(), removed_ns];
        waiting.into_iter().flatten().min()
    }

    /// The connecting sockets, by their addresses, whose endpoints the source is to be asked for now.
    pub fn take_tuple_requests(&mut self, now: Moment) -> Vec<u64> {
        self.pending_rows.take_requests(now)
    }

    /// Emits the rows that have waited long enough.
    pub fn tick(&mut self, now: Moment, emit: &mut dyn FnMut(&Row)) {
        self.with_process_names(emit, |table, emit| {
            table.pending_rows.release_old(now, emit);
            table.pending_closes.release_old(now, emit);
            table.end_removed_minisocks(now, emit);
        });
    }

    /// Emits all rows that wait: the trace ends.
    pub fn release_all(&mut self, emit: &mut dyn FnMut(&Row)) {
        self.with_process_names(emit, |table, emit| {
            table.pending_rows.release_all(emit);
            table.pending_closes.release_all(emit);
            table.end_removed_minisocks(Moment { mono_ns: u64::MAX, unix_ns: i64::MAX }, emit);
        });
    }

    fn transition(&mut self, change: &Transition, emit: &mut dyn FnMut(&Row)) {
        let key = change.sock.sk;
        let begins = begins_connection(change.old, change.new);
        if (begins || self.connections.get(&key).is_none_or(|known| !known.can_be(change.sock)))
            && !self.begin(key, change, emit)
        {
            return;
        }
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.learn_interface(change.interface);
        }
        if begins {
            if change.new == State::SynRecv && change.remote.port != 0 && self.take_over_half_open(key) {
                return;
            }
        } else {
            if !self.learn_endpoints(key, change.local, change.remote, emit) {
                self.capacity.unreported += 1;
                return;
            }
            // Its endpoints are still unknown, or no port is left: a connection's rows stay in their order.
            self.pending_rows.release(key, emit);
        }
        self.check_owner(change);
        if change.new == State::Close {
            return self.close(change, emit);
        }
        let Some(connection) = self.connections.get_mut(&key) else { return };
        let row = connection.change(change, self.owner_policy, self.capabilities.source);
        if begins && connection.waits_for_endpoints(self.capabilities.tuples) {
            self.pending_rows.insert(key, row);
            return;
        }
        if begins && !self.has_place(key) {
            return;
        }
        if change.new == State::Established {
            self.owner_lookups.schedule(key, &row);
            self.forget_vain_lookups();
        }
        self.emit(key, &row, emit);
    }

    /// Adds a connection that the table does not know. What was known at its key has ended unseen. Returns false if the
    /// table has no place for it.
    fn begin(&mut self, key: u64, change: &Transition, emit: &mut dyn FnMut(&Row)) -> bool {
        self.end_previous(key, change.at, emit);
        if change.old == State::Listen && change.new == State::Close {
            self.listeners.remove(change.netns, change.local, key);
        }
        // A child takes the place of its half-open connection, which is known later up to 6.12.
        let is_child = change.old == State::Listen && begins_connection(change.old, change.new);
        let remote = Some(change.remote).filter(|remote| remote.port != 0);
        if !is_child
            && self.connections.len() >= self.limit
            && self.keeps(change.family, change.netns, change.local, remote)
            && !self.has_place_for_one()
        {
            return false;
        }
        let mut connection = Connection::new(self.new_id(), change);
        if is_child {
            connection.inherit(self.listeners.inheritance(change.netns, change.local));
        }
        if self.capabilities.syn_retransmits && change.old != State::SynSent && change.old != State::SynRecv {
            connection.count_syns();
        }
        if change.new == State::Listen {
            let since = (key, change.at.mono_ns);
            self.listeners.add(change.netns, change.local, since, change.process, change.cgroup);
        }
        self.connections.insert(key, connection);
        true
    }

    fn new_id(&mut self) -> ConnId {
        let id = ConnId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Emits a row of the connection at `key`, which then leaves the table if that doesn't keep it.
    fn emit(&mut self, key: u64, row: &Row, emit: &mut dyn FnMut(&Row)) {
        if row.protocol == Protocol::Mptcp {
            self.note_mptcp(key, row.at.mono_ns);
        }
        emit(row);
        self.retain_or_remove(key, row);
    }

    /// Removes a connection that the table doesn't keep.
    fn retain_or_remove(&mut self, key: u64, row: &Row) {
        if !self.keeps(row.family, row.netns, row.local, row.remote) {
            self.connections.remove(&key);
        }
    }

    fn accepted(&mut self, sock: SockId, owner: Owner) {
        if let Some(connection) = self.connections.get_mut(&sock.sk).filter(|known| known.can_be(sock)) {
            connection.set_owner(owner);
        }
    }
}

/// Whether a transition is a connection's first. The socket may have had other connections before. A listener creates
/// an MPTCP socket in ESTABLISHED (`mptcp_sk_clone_init`, net/mptcp/protocol.c).
fn begins_connection(old: State, new: State) -> bool {
    matches!(
        (old, new),
        (State::Close, State::SynSent | State::Listen) | (State::Listen, State::SynRecv | State::Established)
    )
}

#[cfg(test)]
mod sizes;
#[cfg(test)]
mod tests;
