//! How much each part of the table remembers, for tests.

use super::Table;

impl Table {
    /// The name and the size of each collection.
    pub fn sizes(&self) -> Vec<(&'static str, usize)> {
        let Self {
            connections,
            pending_rows,
            pending_closes,
            half_open,
            minisocks,
            listeners,
            mptcp,
            owner_checks,
            owner_lookups,
            process_names,
            tombstones,
            has_initial_connections: _,
            poll,
            capabilities: _,
            next_id: _,
            limit: _,
            retention: _,
            omits_states: _,
            owner_policy: _,
            process_start: _,
            capacity,
            existing_beyond_limit: _,
        } = self;
        let [created, created_in_order] = minisocks.created_sizes();
        let [of_snapshot, always] = tombstones.sizes();
        vec![
            ("connections", connections.len()),
            ("pending rows", pending_rows.len()),
            ("pending closes", pending_closes.len()),
            ("half-open tuples", half_open.len()),
            ("created timewait sockets", created),
            ("the same in order", created_in_order),
            ("removed minisockets", minisocks.removed.len()),
            ("listeners", listeners.len()),
            ("endpoints of MPTCP connections", mptcp.len()),
            ("owners that are checked", owner_checks.len()),
            ("owner lookups", owner_lookups.len()),
            ("names of processes", process_names.len()),
            ("tombstones", of_snapshot),
            ("sockets that changed last", always),
            ("polled sockets", poll.len()),
            ("timewait sockets that can give up their place", capacity.len()),
        ]
    }
}
