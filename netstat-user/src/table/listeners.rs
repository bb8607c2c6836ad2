//! The listeners by port: whose a connection is until somebody accepts it.

use rustc_hash::FxHashMap;

use crate::model::{Endpoint, Owner, OwnerHow};

/// What a connection has from its listener: owner and cgroup.
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

    /// The owner of a listener became known.
    pub(super) fn set_owner(&mut self, netns: Option<u32>, local: Endpoint, key: u64, owner: Owner) {
        let listeners = self.by_port.get_mut(&(netns, local.port)).into_iter().flatten();
        for listener in listeners.filter(|listener| listener.key == key) {
            listener.owner = Some(owner);
        }
    }

    pub(super) fn remove(&mut self, netns: Option<u32>, local: Endpoint, key: u64) {
        let at = (netns, local.port);
        if let Some(listeners) = self.by_port.get_mut(&at) {
            listeners.retain(|listener| listener.key != key);
            if listeners.is_empty() {
                self.by_port.remove(&at);
            }
        }
    }

    /// Whether something listens there.
    pub(super) fn has(&self, netns: Option<u32>, local: Endpoint) -> bool {
        self.matching(netns, local).next().is_some()
    }

    /// What a connection to `local` has from its listener; nothing where several processes listen.
    pub(super) fn owner(&self, netns: Option<u32>, local: Endpoint) -> Inheritance {
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

/// The listener's owner as that of a connection that nobody has accepted.
pub(super) fn as_listener(owner: Owner) -> Owner {
    Owner { how: OwnerHow::Listener, ..owner }
}
