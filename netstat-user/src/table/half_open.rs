//! Half-open connections: a request socket represents them until the handshake's last ACK, then a full socket.

use rustc_hash::FxHashMap;

use super::{Table, connection::Connection, tuple::Tuple};
use crate::model::{HalfOpenReset, MinisockCreated, Row, State};

/// The keys of the half-open connections' request sockets, by tuple.
#[derive(Debug, Default)]
pub(super) struct HalfOpen {
    by_tuple: FxHashMap<Tuple, u64>,
    /// Those that are bound to an interface, by their tuple without it.
    bound: FxHashMap<Tuple, Vec<u64>>,
}

impl HalfOpen {
    pub(super) fn insert(&mut self, tuple: Tuple, request: u64) {
        self.remove(&tuple);
        self.by_tuple.insert(tuple, request);
        if tuple.interface.is_some() {
            self.bound.entry(Tuple { interface: None, ..tuple }).or_default().push(request);
        }
    }

    fn remove(&mut self, tuple: &Tuple) -> Option<u64> {
        let request = self.by_tuple.remove(tuple)?;
        let unbound = Tuple { interface: None, ..*tuple };
        if let Some(requests) = self.bound.get_mut(&unbound).filter(|_| tuple.interface.is_some()) {
            requests.retain(|other| *other != request);
            if requests.is_empty() {
                self.bound.remove(&unbound);
            }
        }
        Some(request)
    }

    /// The key of the request socket that an RST was sent for; None if it is not certain. A request socket is bound as its
    /// listener is. That of an unbound listener is bound to the interface on which the SYN arrived if the peer's address is
    /// link-local or if the interface is in a VRF (`inet_request_bound_dev_if`, include/net/inet_sock.h; `tcp_v6_init_req`,
    /// net/ipv6/tcp_ipv6.c; 5.8 to 6.18).
    pub(super) fn request(&self, reset: &HalfOpenReset) -> Option<u64> {
        let &HalfOpenReset { local, remote, netns, bound_to, arrived_on } = reset;
        let unbound = Tuple { netns: Some(netns), local, remote, interface: None };
        let on = |interface| self.by_tuple.get(&Tuple { interface: Some(interface), ..unbound });
        if let Some(interface) = bound_to {
            return on(interface).copied();
        }
        let found = arrived_on.and_then(on).or_else(|| self.by_tuple.get(&unbound));
        // A packet from this host to its own link-local address arrives on the loopback interface.
        found.copied().or_else(|| match self.bound.get(&unbound)?.as_slice() {
            [request] => Some(*request),
            _ => None,
        })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_tuple.len() + self.bound.len()
    }
}

impl Table {
    /// A request socket was created by a SYN, or its timer was started again by a repeated SYN-ACK.
    pub(super) fn request_created(&mut self, minisock: &MinisockCreated, emit: &mut dyn FnMut(&Row)) {
        let key = minisock.sock.sk;
        if self.keep_known_minisock(minisock, emit) {
            return;
        }
        let tuple = Tuple::of(minisock);
        if self.connections.len() >= self.limit
            && self.keeps(minisock.family, Some(minisock.netns), minisock.local, Some(minisock.remote))
            && !self.has_place_for_request(tuple, key)
        {
            return;
        }
        let mut connection = Connection::half_open(self.new_id(), minisock);
        let listener = minisock.listener.and_then(|listener| self.connections.get(&listener));
        connection.inherit(match listener {
            Some(listener) => listener.inheritance(),
            None => self.listeners.inheritance(Some(minisock.netns), minisock.local),
        });
        if self.capabilities.syn_retransmits {
            connection.count_syns();
        }
        let row = connection.change_state(State::SynRecv, minisock.at, self.capabilities.source);
        self.connections.insert(key, connection);
        self.half_open.insert(tuple, key);
        self.emit(key, &row, emit);
        if !self.connections.contains_key(&key) {
            self.forget_half_open(&tuple, key);
        }
    }

    /// The full socket at `key` takes over its half-open connection; returns false if there is none.
    pub(super) fn take_over_half_open(&mut self, key: u64) -> bool {
        let Some(tuple) = self.connections.get(&key).and_then(Connection::minisock_tuple) else {
            return false;
        };
        let Some(request) = self.half_open.remove(&tuple) else { return false };
        let Some(half_open) = self.connections.remove(&request) else { return false };
        if let Some(child) = self.connections.get_mut(&key) {
            child.take_over(&half_open);
            // It is in the kernel's tables until its removal, whose event follows.
            self.tombstones.mark(request, child.last_seen_ns());
        }
        true
    }

    /// A SYN or a SYN-ACK of the socket at `key` was sent again.
    pub(super) fn syn_retransmitted(&mut self, key: u64) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.syn_retransmitted();
        }
    }

    /// An ICMP error answered the SYN of the socket at `key`.
    pub(super) fn syn_failed(&mut self, key: u64, error: u32) {
        if let Some(connection) = self.connections.get_mut(&key) {
            connection.syn_failed(error);
        }
    }

    /// Removes the connection at `key` from the half-open ones. Another connection may have the same tuple.
    pub(super) fn forget_half_open(&mut self, tuple: &Tuple, key: u64) {
        if self.half_open.by_tuple.get(tuple) == Some(&key) {
            self.half_open.remove(tuple);
        }
    }
}
