//! What happens to connections that the full table has no place for.
//!
//! A TIME_WAIT gives up its place: all that is still to come of it is its end, which then counts as lost. Where no
//! connection is in TIME_WAIT, the new connection is rejected: its transitions count as lost, one by one. So a connection
//! that has rows has all of them under one name, and no transition is told twice.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::{Table, tuple::Tuple};
use crate::model::{ConnId, Endpoint, Family, State};

/// How many rejected half-open connections are remembered: all are forgotten beyond. Most last for one round trip.
const MAX_REJECTED: usize = 16_384;

/// The timewait sockets in the table, and what was lost because the table was full.
#[derive(Debug, Default)]
pub(super) struct Capacity {
    /// The keys and connections that have entered TIME_WAIT, oldest first. Some have left the table since.
    timewaits: VecDeque<(u64, ConnId)>,
    /// How many transitions had no place since the last [`Table::take_unreported`].
    pub(super) unreported: u64,
    /// Whether a connection has given up its place: a later snapshot finds its socket, which is not new.
    pub(super) has_evicted: bool,
    /// The request sockets of half-open connections that had no place: their first transition was counted.
    rejected: FxHashMap<Tuple, u64>,
}

impl Capacity {
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.timewaits.len().max(self.rejected.len())
    }
}

impl Table {
    /// Whether a fixed filter can match a row of such a connection.
    pub(super) fn keeps(
        &self,
        family: Family,
        netns: Option<u32>,
        local: Endpoint,
        remote: Option<Endpoint>,
    ) -> bool {
        self.retention.keeps(family, netns, local, remote)
    }

    /// Notes that the connection at `key` is in TIME_WAIT.
    pub(super) fn in_time_wait(&mut self, key: u64) {
        let Some(connection) = self.connections.get(&key) else { return };
        self.capacity.timewaits.push_back((key, connection.id()));
        // Most have left the table: the list stays as short as the table.
        if self.capacity.timewaits.len() > 2 * self.connections.len() + 1024 {
            let Self { capacity, connections, .. } = self;
            capacity
                .timewaits
                .retain(|(key, conn)| connections.get(key).is_some_and(|known| known.id() == *conn));
        }
    }

    /// Makes sure that the table has at most `count` connections, if timewait sockets can give up their places. Returns
    /// whether it has.
    pub(super) fn shrink_to(&mut self, count: usize) -> bool {
        while self.connections.len() > count {
            let Some((key, conn)) = self.capacity.timewaits.pop_front() else { return false };
            let is_timewait =
                self.connections.get(&key).is_some_and(|it| it.id() == conn && it.state() == State::TimeWait);
            if is_timewait {
                self.connections.remove(&key);
                self.capacity.has_evicted = true;
                self.capacity.unreported += 1;
            }
        }
        true
    }

    /// Whether the half-open connection of the request socket `key` has a place. If it has none, its first transition is
    /// lost; its timer may be started again.
    pub(super) fn has_place_for_request(&mut self, tuple: Tuple, key: u64) -> bool {
        if self.shrink_to(self.limit - 1) {
            return true;
        }
        let rejected = &mut self.capacity.rejected;
        if rejected.len() >= MAX_REJECTED {
            rejected.clear();
        }
        let is_counted = rejected.insert(tuple, key) == Some(key);
        self.capacity.unreported += u64::from(!is_counted);
        false
    }

    /// Whether another connection has a place. If it has none, a transition of it is lost.
    pub(super) fn has_place_for_one(&mut self) -> bool {
        let has_place = self.shrink_to(self.limit - 1);
        self.capacity.unreported += u64::from(!has_place);
        has_place
    }

    /// Whether the table has a place for the connection at `key`, which has just begun and is in it. If it has none, the
    /// connection is removed, and its first transition is lost.
    pub(super) fn has_place(&mut self, key: u64) -> bool {
        if self.connections.len() <= self.limit {
            return true;
        }
        let Some(connection) = self.connections.get(&key) else { return false };
        let (family, netns, local, remote) =
            (connection.family(), connection.netns(), connection.local(), connection.remote());
        // One that is not kept leaves the table after its row.
        if !self.keeps(family, netns, local, remote) || self.shrink_to(self.limit) {
            return true;
        }
        // The child of a request socket has no first transition of its own. One of SYN cookies or Fast Open has.
        let tuple = self.connections.remove(&key).and_then(|connection| connection.minisock_tuple());
        let request = tuple.and_then(|tuple| self.capacity.rejected.remove(&tuple));
        self.capacity.unreported += u64::from(request.is_none());
        false
    }
}
