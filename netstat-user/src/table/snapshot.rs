//! Holds the table against a look at all of the kernel's sockets: at the start, and now and then.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Interest, Table, connection::Connection, owners, pending_rows};
use crate::model::{CloseReason, Holder, Moment, Owner, Row, RowKind, Snapshot, SnapshotSocket, State};

/// Time stamps of two CPUs, and of the ring's order, differ by less (nanoseconds).
const MARGIN_NS: u64 = 1_000_000;

/// What the table keeps while a look is under way.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Sockets that have closed since the look was asked for, and when: the look may still have them.
    tombstones: FxHashMap<u64, u64>,
    /// Timewait sockets that the table doesn't know and that were seen in TIME_WAIT meanwhile, and when: the look may
    /// have them in FIN_WAIT2.
    in_time_wait: FxHashMap<u64, Moment>,
    under_way: bool,
    /// Whether the connections of before the start are in the table.
    knows_the_past: bool,
}

impl Looks {
    /// What is at this address is gone: what a look has found of it before is no more.
    pub(super) fn bury(&mut self, key: u64, at: Moment) {
        if self.under_way {
            self.tombstones.insert(key, at.mono_ns);
        }
    }

    /// The timer of a minisocket starts: it is not gone, if it was there before.
    pub(super) fn dig_up(&mut self, key: u64) {
        self.tombstones.remove(&key);
    }

    /// The timer of a timewait socket that the table doesn't know starts.
    pub(super) fn rest_starts(&mut self, key: u64, state: State, at: Moment) {
        self.in_time_wait.remove(&key);
        if state == State::TimeWait {
            self.is_in_time_wait(key, at);
        }
    }

    /// A timewait socket that the table doesn't know is in TIME_WAIT.
    pub(super) fn is_in_time_wait(&mut self, key: u64, at: Moment) {
        if self.under_way {
            self.in_time_wait.entry(key).or_insert(at);
        }
    }
}

impl Table {
    /// A look is asked for: from now on the table remembers what closes.
    pub fn expect_snapshot(&mut self) {
        self.looks.under_way = true;
    }

    /// Takes over what a look found. Every event until its end has been applied before. Emits an
    /// [`RowKind::Existing`] row for each connection that is older than the trace, in the first look; what
    /// a later one finds otherwise than the table has it, as [`RowKind::Repaired`].
    pub fn merge(&mut self, snapshot: &Snapshot, emit: &mut dyn FnMut(&Row) -> Interest) {
        let is_first = !self.looks.knows_the_past;
        if is_first {
            self.show_those_that_moved(snapshot, emit);
        }
        self.connections.reserve(snapshot.sockets.len().saturating_sub(self.connections.len()));
        // Listeners first: the others inherit from them.
        let is_listener = |socket: &&SnapshotSocket| socket.state == State::Listen;
        for socket in snapshot.sockets.iter().filter(is_listener) {
            self.compare(socket, snapshot, is_first, emit);
        }
        for socket in snapshot.sockets.iter().filter(|socket| !is_listener(socket)) {
            self.compare(socket, snapshot, is_first, emit);
        }
        self.end_ghosts(snapshot, emit);
        self.learn_holders(snapshot);
        self.looks.knows_the_past = true;
        self.looks.under_way = false;
        self.looks.tombstones.clear();
        self.looks.in_time_wait.clear();
    }

    /// Connections of before the start that have made a transition since: their row begins with the
    /// state that they left first.
    fn show_those_that_moved(&mut self, snapshot: &Snapshot, emit: &mut dyn FnMut(&Row) -> Interest) {
        let source = self.capabilities.source;
        let mut rows = Vec::new();
        for (key, connection) in &mut self.connections {
            if let Some(row) = connection.take_row_of_the_past(snapshot.started, source) {
                rows.push((*key, row));
            }
        }
        rows.sort_by_key(|(_, row)| row.conn);
        for (key, row) in &mut rows {
            if row.owner.is_none() {
                row.owner = holder(&snapshot.holders, *key);
            }
            emit(row);
        }
    }

    fn compare(
        &mut self,
        socket: &SnapshotSocket,
        snapshot: &Snapshot,
        is_first: bool,
        emit: &mut dyn FnMut(&Row) -> Interest,
    ) {
        let key = socket.sock.sk;
        if self.looks.tombstones.get(&key).is_some_and(|closed| closed + MARGIN_NS > socket.at.mono_ns) {
            return;
        }
        if let Some(known) = self.connections.get_mut(&key) {
            if known.seen_ns() + MARGIN_NS > socket.at.mono_ns {
                return;
            }
            if known.can_be(socket.sock) && known.may_have(socket.local, socket.remote) {
                if known.state() != socket.state && !self.leaves_out_states {
                    let mut row = known.go(socket.state, socket.at, self.capabilities.source);
                    row.kind = RowKind::Repaired;
                    row.state_ns = None;
                    self.show(key, &row, emit);
                }
                return;
            }
            self.end_known(key, snapshot.started, emit);
        }
        if self.connections.len() >= self.limit {
            return;
        }
        let id = self.new_id();
        let mut connection = Connection::found(id, socket);
        match socket.state {
            State::Listen => self.listeners.add(
                Some(socket.netns),
                socket.local,
                key,
                holder(&snapshot.holders, key),
                socket.cgroup,
            ),
            State::SynSent => {}
            _ if self.listeners.has(Some(socket.netns), socket.local) => connection.is_inbound(),
            _ => {}
        }
        if !socket.has_socket && connection.is_waiting_to_be_accepted() {
            connection.inherit(self.listeners.owner(Some(socket.netns), socket.local));
        }
        if let Some(owner) = holder(&snapshot.holders, key) {
            connection.set_owner(owner);
        }
        let kind = if is_first { RowKind::Existing } else { RowKind::Repaired };
        let row = connection.found_row(kind, socket.at, self.capabilities.source);
        if socket.state == State::SynRecv
            && connection.is_minisock()
            && let Some(ends) = connection.ends()
        {
            self.half_open.insert(ends, key);
        }
        self.connections.insert(key, connection);
        self.show(key, &row, emit);
        if let Some(at) = self.looks.in_time_wait.get(&key).copied() {
            self.enter_time_wait(key, at, emit);
        }
    }

    /// Connections that the look should have found and hasn't: their end was missed. One whose timer has just been
    /// stopped will tell its end itself.
    fn end_ghosts(&mut self, snapshot: &Snapshot, emit: &mut dyn FnMut(&Row) -> Interest) {
        let covered: FxHashSet<u32> = snapshot.netns_covered.iter().copied().collect();
        if covered.is_empty() {
            return;
        }
        let found: FxHashSet<u64> = snapshot.sockets.iter().map(|socket| socket.sock.sk).collect();
        let stopping = self.stopping();
        let ghosts: Vec<u64> = self
            .connections
            .iter()
            .filter(|(key, connection)| {
                !found.contains(key)
                    && !stopping.contains(&connection.id())
                    && connection.is_listed_in(&covered)
                    && connection.seen_ns() + patience_ns(connection) < snapshot.started.mono_ns
            })
            .map(|(key, _)| *key)
            .collect();
        for key in ghosts {
            self.repair_end(key, snapshot.finished, emit);
        }
    }

    /// A connection has ended, and nothing told of it.
    pub(super) fn repair_end(&mut self, key: u64, at: Moment, emit: &mut dyn FnMut(&Row) -> Interest) {
        let source = self.capabilities.source;
        self.pending_rows.release(key, |row| {
            emit(row);
        });
        let Some(mut connection) = self.connections.remove(&key) else { return };
        if let Some(ends) = connection.ends() {
            self.forget_half_open(&ends, key);
        }
        self.listeners.remove(connection.netns(), connection.local(), key);
        let mut row = connection.go(State::Close, at, source);
        row.kind = RowKind::Repaired;
        row.state_ns = None;
        row.close_reason = (row.old_state != Some(State::Listen)).then_some(CloseReason::Unknown);
        emit(&row);
    }

    /// Takes over who holds what: where the owner is not known, or holds the socket no more.
    pub fn learn_holders(&mut self, snapshot: &Snapshot) {
        let mut holders = snapshot.holders.as_slice();
        while let Some(first) = holders.first() {
            let (of_one, rest) = holders.split_at(holders.partition_point(|holder| holder.sk == first.sk));
            holders = rest;
            let Some(connection) = self.connections.get_mut(&first.sk) else { continue };
            // A younger connection may have the address of the socket that was looked at.
            if connection.born_ns() > snapshot.started.mono_ns {
                continue;
            }
            let known = connection.owner();
            if owners::is_open(known)
                || known.is_some_and(|owner| of_one.iter().all(|one| one.owner.pid != owner.pid))
            {
                connection.set_owner(first.owner);
                self.listeners.set_owner(connection.netns(), connection.local(), first.sk, first.owner);
            }
        }
    }
}

/// How long ago a connection must have been heard of last, nanoseconds, for a look to find it. One that looks for a
/// local port is in the kernel's tables only when it has one (`__inet_hash_connect`, net/ipv4/inet_hashtables.c).
fn patience_ns(connection: &Connection) -> u64 {
    if connection.local().port == 0 { pending_rows::PATIENCE_NS } else { MARGIN_NS }
}

/// Who holds the socket: of several the first.
fn holder(holders: &[Holder], sk: u64) -> Option<Owner> {
    let at = holders.partition_point(|holder| holder.sk < sk);
    holders.get(at).filter(|holder| holder.sk == sk).map(|holder| holder.owner)
}
