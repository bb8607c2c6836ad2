//! The live table of connections: what an event means for the connection that it happened to.

mod closing;
mod connection;
mod half_open;
mod listeners;
mod owners;
mod pending_rows;
mod reason;
mod snapshot;
mod tcp_stats;
mod tombstones;
mod tuple;

use rustc_hash::FxHashMap;

pub use self::snapshot::Merged;
use self::{
    closing::Closing, connection::Connection, half_open::HalfOpen, listeners::Listeners, owners::Questions,
    pending_rows::PendingRows, tombstones::Tombstones,
};
use crate::model::{ConnId, Endpoint, Event, Moment, Owner, Row, SockId, Source, State, Transition};

/// What becomes of a connection after one of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// It stays in the table.
    Keep,
    /// No row of it will ever be shown.
    Forget,
}

/// Whether the process that was known to own a connection (the first), and not the one that closes it (the second),
/// is to be named.
pub type OwnerPolicy = fn(u32, u32) -> bool;

/// What a source can see, as far as the table has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceCapabilities {
    /// Who sees.
    pub source: Source,
    /// Whether [`Event::Tuple`] tells the local port that the kernel chooses after CLOSE→SYN_SENT.
    pub ends: bool,
    /// Whether minisockets are seen: half-open connections and TIME_WAIT.
    pub minisocks: bool,
}

/// Every connection that the trace has seen and whose end it has not, by the kernel's socket.
///
/// A socket's address is enough of a key: the stream tells in order when a socket begins another
/// connection, and when a connection goes from a request socket to a full one and on to a timewait
/// socket. The cookie tells that a beginning was missed.
#[derive(Debug)]
pub struct Table {
    connections: FxHashMap<u64, Connection>,
    pending_rows: PendingRows,
    half_open: HalfOpen,
    closing: Closing,
    listeners: Listeners,
    questions: Questions,
    tombstones: Tombstones,
    /// Whether the connections that are older than the trace are in the table.
    has_initial_connections: bool,
    capabilities: SourceCapabilities,
    next_id: u64,
    /// Connections beyond this many are shown, but not remembered.
    limit: usize,
    /// Connections that were not remembered.
    beyond_limit: u64,
    /// Whether the kernel side leaves out transitions by their states: then the table's states lag.
    leaves_out_states: bool,
    keeps: OwnerPolicy,
}

impl Table {
    /// An empty table for at most `limit` connections.
    pub fn new(capabilities: SourceCapabilities, limit: usize, keeps: OwnerPolicy) -> Self {
        Self {
            connections: FxHashMap::default(),
            pending_rows: PendingRows::default(),
            half_open: HalfOpen::default(),
            closing: Closing::default(),
            listeners: Listeners::default(),
            questions: Questions::default(),
            tombstones: Tombstones::default(),
            has_initial_connections: false,
            leaves_out_states: false,
            capabilities,
            next_id: 1,
            limit,
            beyond_limit: 0,
            keeps,
        }
    }

    /// The kernel side leaves out transitions by their states.
    pub fn with_states_left_out(self, leaves_out_states: bool) -> Self {
        Self { leaves_out_states, ..self }
    }

    /// When it is worth to ask who holds the sockets whose owner is not known, CLOCK_MONOTONIC in nanoseconds.
    pub fn next_question_ns(&self) -> Option<u64> {
        self.questions.next_due_ns()
    }

    /// Whether there is something to ask now. What is not answered is asked again later.
    pub fn asks_for_holders(&mut self, now: Moment) -> bool {
        let connections = &self.connections;
        self.questions.take_due(now, |question| {
            connections
                .get(&question.key)
                .filter(|known| known.id() == question.conn)
                .map(|known| known.owner())
        })
    }

    /// How many connections it holds.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// How many connections were shown but not remembered, because the table was full.
    pub fn beyond_limit(&self) -> u64 {
        self.beyond_limit
    }

    /// Applies an event and emits the rows that it completes, oldest first.
    pub fn apply(&mut self, event: &Event, emit: &mut dyn FnMut(&Row) -> Interest) {
        match event {
            Event::Transition(change) => self.transition(change, emit),
            Event::Tuple { sock, local, remote } => self.ends(*sock, *local, *remote, emit),
            Event::MinisockCreated(start) => match start.state {
                State::SynRecv => self.half_open_starts(start, emit),
                _ if start.is_observation => self.rest_is_seen(start, emit),
                _ => self.rest_starts(start, emit),
            },
            Event::MinisockRemoved(stop) => self.minisock_stops(stop, emit),
            Event::Accept { sock, owner } => self.accepted(*sock, *owner),
            Event::Observed(row) => {
                emit(row);
            }
            Event::Lost(_) | Event::Doubt => {}
        }
    }

    /// Whether something waits for [`Self::tick`].
    pub fn waits(&self) -> bool {
        !self.pending_rows.is_empty() || self.minisocks_stop()
    }

    /// Emits what has waited long enough, as it is.
    pub fn tick(&mut self, now: Moment, emit: &mut dyn FnMut(&Row) -> Interest) {
        self.pending_rows.release_old(now, |row| {
            emit(row);
        });
        self.finish_stopped(now, emit);
    }

    /// Emits all that waits: the trace ends.
    pub fn release_all(&mut self, emit: &mut dyn FnMut(&Row) -> Interest) {
        self.pending_rows.release_all(|row| {
            emit(row);
        });
        self.finish_stopped(Moment { mono_ns: u64::MAX, unix_ns: i64::MAX }, emit);
    }

    fn transition(&mut self, change: &Transition, emit: &mut dyn FnMut(&Row) -> Interest) {
        let key = change.sock.sk;
        let begins = begins_connection(change.old, change.new);
        if begins || self.connections.get(&key).is_none_or(|known| !known.can_be(change.sock)) {
            self.begin(key, change, emit);
        }
        if begins {
            if change.new == State::SynRecv && change.remote.port != 0 && self.take_over_half_open(key) {
                return;
            }
        } else {
            self.learn_ends(key, change.local, change.remote, emit);
        }
        if change.new == State::Close {
            return self.close(change, emit);
        }
        let keeps = self.keeps;
        let Some(connection) = self.connections.get_mut(&key) else { return };
        let row = connection.change(change, keeps, self.capabilities.source);
        if begins && connection.waits_for_ends(self.capabilities.ends) {
            self.pending_rows.hold(key, row);
            return;
        }
        if change.new == State::Established {
            self.questions.ask_later(key, &row);
        }
        self.show(key, &row, emit);
    }

    /// A connection that the table has not heard of; what stood at its key has ended unseen.
    fn begin(&mut self, key: u64, change: &Transition, emit: &mut dyn FnMut(&Row) -> Interest) {
        self.end_known(key, change.at, emit);
        let id = self.new_id();
        let mut connection = Connection::new(id, change);
        if change.old == State::Listen && begins_connection(change.old, change.new) {
            connection.inherit(self.listeners.owner(change.netns, change.local));
        }
        if change.new == State::Listen {
            self.listeners.add(change.netns, change.local, key, change.process, change.cgroup);
        }
        self.connections.insert(key, connection);
    }

    fn new_id(&mut self) -> ConnId {
        let id = ConnId(self.next_id);
        self.next_id += 1;
        id
    }

    /// Emits a row, and forgets the connection if it is none to show or beyond the table's limit.
    fn show(&mut self, key: u64, row: &Row, emit: &mut dyn FnMut(&Row) -> Interest) {
        let interest = emit(row);
        let is_beyond = self.connections.len() > self.limit;
        if is_beyond {
            self.beyond_limit += 1;
        }
        if interest == Interest::Forget || is_beyond {
            self.connections.remove(&key);
        }
    }

    fn ends(
        &mut self,
        sock: SockId,
        local: Endpoint,
        remote: Endpoint,
        emit: &mut dyn FnMut(&Row) -> Interest,
    ) {
        let Some(connection) = self.connections.get_mut(&sock.sk).filter(|known| known.can_be(sock)) else {
            return;
        };
        connection.first_segment_is_sent();
        self.learn_ends(sock.sk, local, remote, emit);
    }

    /// Takes over what an event knows of the ends, and emits the row that waited for it.
    fn learn_ends(
        &mut self,
        key: u64,
        local: Endpoint,
        remote: Endpoint,
        emit: &mut dyn FnMut(&Row) -> Interest,
    ) {
        let Some(connection) = self.connections.get_mut(&key) else { return };
        if !connection.learn_ends(local, remote) {
            return;
        }
        if self.take_over_half_open(key) {
            // The half-open connection has shown this row already.
            self.pending_rows.discard(key);
        } else if let Some(connection) = self.connections.get(&key)
            && let Some(row) = self.pending_rows.complete(key, connection)
        {
            self.show(key, &row, emit);
        }
    }

    fn accepted(&mut self, sock: SockId, owner: Owner) {
        if let Some(connection) = self.connections.get_mut(&sock.sk).filter(|known| known.can_be(sock)) {
            connection.set_owner(owner);
        }
    }
}

/// Whether a transition is a connection's first: a socket may have had others before.
/// An MPTCP socket comes of its listener as ESTABLISHED (`mptcp_sk_clone_init`, net/mptcp/protocol.c).
fn begins_connection(old: State, new: State) -> bool {
    matches!(
        (old, new),
        (State::Close, State::SynSent | State::Listen) | (State::Listen, State::SynRecv | State::Established)
    )
}

#[cfg(test)]
mod tests;
