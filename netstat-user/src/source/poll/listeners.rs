//! Who listens where, in one look: a connection to such a port came from outside.

use rustc_hash::FxHashMap;

use super::seen::Seen;
use crate::model::{Endpoint, State};

/// The listeners of a look, by network namespace and port.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_port: FxHashMap<(Option<u32>, u16), Vec<Seen>>,
}

impl Listeners {
    pub(super) fn of(sockets: &[Seen]) -> Self {
        let mut listeners = Self::default();
        for socket in sockets.iter().filter(|socket| socket.state == State::Listen) {
            listeners.by_port.entry((socket.netns, socket.local.port)).or_default().push(*socket);
        }
        listeners
    }

    /// Whether something listens where this socket is.
    pub(super) fn has(&self, socket: &Seen) -> bool {
        self.matching(socket).next().is_some()
    }

    /// The listener of this socket, if it can only be one.
    pub(super) fn only(&self, socket: &Seen) -> Option<&Seen> {
        let mut matching = self.matching(socket);
        let listener = matching.next()?;
        matching.next().is_none().then_some(listener)
    }

    fn matching(&self, socket: &Seen) -> impl Iterator<Item = &Seen> {
        let local = socket.local;
        let listeners = self.by_port.get(&(socket.netns, local.port)).into_iter().flatten();
        listeners.filter(move |listener| takes(listener.local, local))
    }
}

/// Whether a listener at `at` takes connections to `local`; `::` takes IPv4's too, unless it was told not to.
fn takes(at: Endpoint, local: Endpoint) -> bool {
    at.addr == local.addr || (at.addr.is_unspecified() && (at.addr.is_ipv6() || local.addr.is_ipv4()))
}
