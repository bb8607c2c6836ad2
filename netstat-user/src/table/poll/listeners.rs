//! The listeners of one poll: a connection to their port is inbound.

use rustc_hash::FxHashMap;

use crate::model::{Endpoint, PolledSocket, State};

/// The listeners of a poll, by network namespace and port.
#[derive(Debug, Default)]
pub(super) struct PolledListeners {
    by_port: FxHashMap<(Option<u32>, u16), Vec<PolledSocket>>,
}

impl PolledListeners {
    pub(super) fn of(sockets: &[PolledSocket]) -> Self {
        let mut listeners = Self::default();
        for socket in sockets.iter().filter(|socket| socket.state == State::Listen) {
            listeners.by_port.entry((socket.netns, socket.local.port)).or_default().push(socket.clone());
        }
        listeners
    }

    /// Whether a socket listens at this socket's local endpoint.
    pub(super) fn has_match(&self, socket: &PolledSocket) -> bool {
        self.matching(socket).next().is_some()
    }

    /// The listener at this socket's local endpoint, if there is exactly one.
    pub(super) fn only_match(&self, socket: &PolledSocket) -> Option<&PolledSocket> {
        let mut matching = self.matching(socket);
        let listener = matching.next()?;
        matching.next().is_none().then_some(listener)
    }

    fn matching(&self, socket: &PolledSocket) -> impl Iterator<Item = &PolledSocket> {
        let local = socket.local;
        let listeners = self.by_port.get(&(socket.netns, local.port)).into_iter().flatten();
        listeners.filter(move |listener| accepts_from(listener.local, local))
    }
}

/// Whether a listener at `at` gets connections to `local`. `::` gets IPv4's too, unless IPV6_V6ONLY is set.
fn accepts_from(at: Endpoint, local: Endpoint) -> bool {
    at.addr == local.addr || (at.addr.is_unspecified() && (at.addr.is_ipv6() || local.addr.is_ipv4()))
}
