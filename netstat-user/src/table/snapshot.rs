//! Compares the table with a snapshot of the kernel's sockets, at the start and at intervals.

use rustc_hash::FxHashSet;

use super::{Table, connection::Connection, owner_lookups, tuple::Tuple};
use crate::model::{
    CloseReason, Holder, Moment, Owner, Row, RowKind, SETTLE_NS, Snapshot, SnapshotSocket, State,
};

/// What the table could take from a snapshot.
#[must_use = "an incomplete snapshot has to be repeated"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// Everything.
    Complete,
    /// Not all: so many sockets closed meanwhile that some entries may be out of date. Another snapshot is needed.
    Incomplete,
}

impl Table {
    /// A full snapshot is requested: from now on the table remembers all sockets that close.
    pub fn expect_snapshot(&mut self) {
        self.tombstones.begin();
    }

    /// The requested snapshot failed: the table forgets which sockets have closed, but for the last second.
    pub fn snapshot_failed(&mut self) {
        self.tombstones.end();
    }

    /// Merges a full snapshot. Every event until the snapshot's end must have been applied before. The first complete
    /// snapshot emits an [`RowKind::Existing`] row for each connection that is older than the trace. A later one emits a
    /// [`RowKind::Repaired`] row for each difference from the table, except for connections whose last event is younger than
    /// [`SETTLE_NS`].
    pub fn merge(&mut self, snapshot: &Snapshot, emit: &mut dyn FnMut(&Row)) -> Merged {
        self.learn_names(snapshot);
        self.with_process_names(emit, |table, emit| table.merge_sockets(snapshot, emit))
    }

    fn merge_sockets(&mut self, snapshot: &Snapshot, emit: &mut dyn FnMut(&Row)) -> Merged {
        let is_first = !self.has_initial_connections;
        if is_first {
            self.emit_initial_state_of_changed(snapshot, emit);
        }
        let mut merged = Merged::Complete;
        self.connections.reserve(snapshot.sockets.len().saturating_sub(self.connections.len()));
        // Listeners first: other sockets inherit from them.
        let is_listener = |socket: &&SnapshotSocket| socket.state == State::Listen;
        let others = snapshot.sockets.iter().filter(|socket| !is_listener(socket));
        for socket in snapshot.sockets.iter().filter(is_listener).chain(others) {
            if self.compare(socket, snapshot, is_first, emit) == Merged::Incomplete {
                merged = Merged::Incomplete;
            }
        }
        self.end_stale(snapshot, emit);
        self.learn_owners(snapshot);
        self.has_initial_connections |= merged == Merged::Complete;
        self.tombstones.end();
        merged
    }

    /// Emits the initial state of connections that are older than the trace and have made a transition since its start:
    /// the state that they left first.
    fn emit_initial_state_of_changed(&mut self, snapshot: &Snapshot, emit: &mut dyn FnMut(&Row)) {
        let source = self.capabilities.source;
        let mut rows = Vec::new();
        for (key, connection) in &mut self.connections {
            if let Some(row) = connection.take_initial_row(snapshot.started, source) {
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

    /// Compares one socket with the table. `Incomplete` means that nothing can be concluded from the entry.
    fn compare(
        &mut self,
        socket: &SnapshotSocket,
        snapshot: &Snapshot,
        is_first: bool,
        emit: &mut dyn FnMut(&Row),
    ) -> Merged {
        let key = socket.sock.sk;
        if self.tombstones.is_closed_since(key, socket.at) {
            return Merged::Complete;
        }
        if let Some(known) = self.connections.get_mut(&key) {
            if known.last_seen_ns() + SETTLE_NS > socket.at.mono_ns {
                return Merged::Complete;
            }
            if known.can_be(socket.sock) && known.can_have(socket.local, socket.remote) {
                // The event that tells them may have been lost.
                known.learn_endpoints(socket.local, socket.remote);
                if known.state() != socket.state && !self.omits_states {
                    let mut row = known.change_state(socket.state, socket.at, self.capabilities.source);
                    row.kind = RowKind::Repaired;
                    row.state_ns = None;
                    self.emit(key, &row, emit);
                }
                return Merged::Complete;
            }
        }
        if self.tombstones.may_be_outdated(socket.at) {
            return Merged::Incomplete;
        }
        // The transition of its full socket follows, unless that closed before the trace.
        if !is_first && self.minisocks.is_about_to_replace(key, &Tuple::of_found(socket)) {
            return Merged::Complete;
        }
        if self.connections.contains_key(&key) {
            self.end_previous(key, snapshot.started, emit);
        }
        let remote = Some(socket.remote).filter(|remote| remote.port != 0);
        let is_kept = self.keeps(socket.family, Some(socket.netns), socket.local, remote);
        if socket.state == State::Listen {
            let owner = holder(&snapshot.holders, key);
            let since = (key, socket.at.mono_ns);
            self.listeners.add(Some(socket.netns), socket.local, since, owner, socket.cgroup);
        }
        if !is_kept || (self.capacity.has_evicted && socket.state == State::TimeWait) {
            return Merged::Complete;
        }
        if self.connections.len() >= self.limit {
            // A later snapshot finds the same connections again.
            self.existing_beyond_limit += u64::from(is_first);
            return Merged::Complete;
        }
        let id = self.new_id();
        let mut connection = Connection::found(id, socket);
        match socket.state {
            State::Listen | State::SynSent => {}
            _ if self.listeners.has(Some(socket.netns), socket.local) => connection.set_inbound(),
            _ => {}
        }
        if connection.is_waiting_to_be_accepted() {
            connection.inherit(self.listeners.inheritance(Some(socket.netns), socket.local));
        }
        if let Some(owner) = holder(&snapshot.holders, key) {
            connection.set_owner(owner);
        }
        let kind = if is_first { RowKind::Existing } else { RowKind::Repaired };
        let row = connection.found_row(kind, socket.at, self.capabilities.source);
        if socket.state == State::SynRecv
            && connection.is_minisock()
            && let Some(tuple) = connection.tuple()
        {
            self.half_open.insert(tuple, key);
        }
        self.connections.insert(key, connection);
        if socket.state == State::TimeWait {
            self.in_time_wait(key);
        }
        self.emit(key, &row, emit);
        if let Some(at) = self.tombstones.time_wait_since(key) {
            self.enter_time_wait(key, at, emit);
        }
        Merged::Complete
    }

    /// Ends stale connections: the snapshot should have found them and hasn't, so their end was missed. Leaves out
    /// minisockets whose timer was just stopped, and full sockets that a timewait socket replaces: their end follows. A
    /// connecting socket is in the kernel's tables only once it has a local port (`__inet_hash_connect`,
    /// net/ipv4/inet_hashtables.c, 6.18): it is too young until then.
    fn end_stale(&mut self, snapshot: &Snapshot, emit: &mut dyn FnMut(&Row)) {
        let covered: FxHashSet<u32> = snapshot.netns_covered.iter().copied().collect();
        if covered.is_empty() {
            return;
        }
        let found: FxHashSet<u64> = snapshot.sockets.iter().map(|socket| socket.sock.sk).collect();
        let removed = self.minisocks.removed.connections();
        let stale: Vec<u64> = self
            .connections
            .iter()
            .filter(|(key, connection)| {
                !found.contains(key)
                    && !removed.contains(&connection.id())
                    && connection
                        .minisock_tuple()
                        .is_none_or(|tuple| !self.minisocks.is_being_replaced(&tuple))
                    && connection.is_listed_in(&covered)
                    && connection.last_seen_ns() + SETTLE_NS < snapshot.started.mono_ns
            })
            .map(|(key, _)| *key)
            .collect();
        for key in stale {
            self.repair_end(key, snapshot.finished, emit);
        }
        let before_ns = snapshot.started.mono_ns.saturating_sub(SETTLE_NS);
        self.listeners.forget_stale(&covered, &found, before_ns);
    }

    /// Ends a connection whose end was missed.
    pub(super) fn repair_end(&mut self, key: u64, at: Moment, emit: &mut dyn FnMut(&Row)) {
        let source = self.capabilities.source;
        self.pending_rows.release(key, emit);
        let Some(mut connection) = self.connections.remove(&key) else { return };
        if let Some(tuple) = connection.tuple() {
            self.forget_half_open(&tuple, key);
        }
        self.listeners.remove(connection.netns(), connection.local(), key);
        let mut row = connection.change_state(State::Close, at, source);
        row.kind = RowKind::Repaired;
        row.state_ns = None;
        row.close_reason = (row.old_state != Some(State::Listen)).then_some(CloseReason::Unknown);
        emit(&row);
    }

    /// Takes the owners from a snapshot: for connections whose owner is unknown or no longer holds the socket.
    pub fn learn_holders(&mut self, snapshot: &Snapshot) {
        self.learn_names(snapshot);
        self.learn_owners(snapshot);
    }

    /// Takes the present names of all processes that hold a socket.
    fn learn_names(&mut self, snapshot: &Snapshot) {
        for holder in &snapshot.holders {
            self.process_names.found(&holder.owner, snapshot.started);
        }
    }

    fn learn_owners(&mut self, snapshot: &Snapshot) {
        let mut holders = snapshot.holders.as_slice();
        while let Some(first) = holders.first() {
            let (of_one, rest) = holders.split_at(holders.partition_point(|holder| holder.sk == first.sk));
            holders = rest;
            let Some(connection) = self.connections.get_mut(&first.sk) else { continue };
            // A newer connection may have the address of the socket that the snapshot has found.
            if connection.first_seen_ns() > snapshot.started.mono_ns {
                continue;
            }
            let known = connection.owner();
            if owner_lookups::is_unresolved(known)
                || known.is_some_and(|owner| of_one.iter().all(|one| one.owner.pid != owner.pid))
            {
                connection.set_owner(first.owner);
                self.listeners.set_owner(connection.netns(), connection.local(), first.sk, first.owner);
            }
        }
    }
}

/// The owner of a socket: the first of its holders.
fn holder(holders: &[Holder], sk: u64) -> Option<Owner> {
    let at = holders.partition_point(|holder| holder.sk < sk);
    holders.get(at).filter(|holder| holder.sk == sk).map(|holder| holder.owner)
}
