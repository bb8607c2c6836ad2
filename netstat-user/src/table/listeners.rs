//! The listening sockets by port: a connection has their owner until it is accepted.

use rustc_hash::FxHashMap;

use crate::model::{Endpoint, Owner, OwnerHow};

/// What a connection inherits from its listener: owner and cgroup.
pub(super) type Inheritance = (Option<Owner>, Option<u64>);

/// The listening sockets, by network namespace and port.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_port: FxHashMap<(Option<u32>, u16), Vec<Listener>>,
}

#[derive(Debug)]
struct Listener {
    key: u64,
    local: Endpoint,
    owner: Option<Owner>,
    cgroup: Option<u64>,
}

impl Listeners {
    pub(super) fn add(
        &mut self,
        netns: Option<u32>,
        local: Endpoint,
        key: u64,
        owner: Option<Owner>,
        cgroup: Option<u64>,
    ) {
        self.remove(netns, local, key);
        self.by_port.entry((netns, local.port)).or_default().push(Listener { key, local, owner, cgroup });
    }

    /// Sets the owner of a listener that is already known.
    pub(super) fn set_owner(&mut self, netns: Option<u32>, local: Endpoint, key: u64, owner: Owner) {
        let listeners = self.by_port.get_mut(&(netns, local.port)).into_iter().flatten();
        for listener in listeners.filter(|listener| listener.key == key) {
            listener.owner = Some(owner);
        }
    }

    pub(super) fn remove(&mut self, netns: Option<u32>, local: Endpoint, key: u64) {
        let port = (netns, local.port);
        if let Some(listeners) = self.by_port.get_mut(&port) {
            listeners.retain(|listener| listener.key != key);
            if listeners.is_empty() {
                self.by_port.remove(&port);
            }
        }
    }

    /// Whether a socket listens at `local`.
    pub(super) fn has(&self, netns: Option<u32>, local: Endpoint) -> bool {
        self.matching(netns, local).next().is_some()
    }

    /// What a connection to `local` inherits: nothing where listeners of several processes match.
    pub(super) fn inheritance(&self, netns: Option<u32>, local: Endpoint) -> Inheritance {
        let mut listeners = self.matching(netns, local);
        let Some(first) = listeners.next() else { return (None, None) };
        let pid = first.owner.map(|owner| owner.pid);
        if listeners.any(|other| other.owner.map(|owner| owner.pid) != pid) {
            return (None, None);
        }
        (first.owner.map(as_listener), first.cgroup)
    }

    fn matching(&self, netns: Option<u32>, local: Endpoint) -> impl Iterator<Item = &Listener> {
        self.by_port
            .get(&(netns, local.port))
            .into_iter()
            .flatten()
            .filter(move |listener| listener.local.addr == local.addr || listener.local.addr.is_unspecified())
    }
}

/// The listener's owner, as the owner of a connection that is not accepted yet.
pub(super) fn as_listener(owner: Owner) -> Owner {
    Owner { how: OwnerHow::Listener, ..owner }
}
