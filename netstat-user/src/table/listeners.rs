//! The listening sockets by port: a connection has their owner until it is accepted.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Endpoint, Owner, OwnerHow};

/// How many listeners are kept at most: more than a host has. Their ends may be lost where no snapshots are taken.
const MAX_LISTENERS: usize = 200_000;

/// What a connection inherits from its listener: owner and cgroup.
pub(super) type Inheritance = (Option<Owner>, Option<u64>);

/// The listening sockets, by network namespace and port.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    by_port: FxHashMap<(Option<u32>, u16), Vec<Listener>>,
    count: usize,
}

#[derive(Debug)]
struct Listener {
    key: u64,
    /// When it was seen first, CLOCK_MONOTONIC in nanoseconds.
    since_ns: u64,
    local: Endpoint,
    owner: Option<Owner>,
    cgroup: Option<u64>,
}

impl Listeners {
    /// Adds a listener that was seen at `since_ns`.
    pub(super) fn add(
        &mut self,
        netns: Option<u32>,
        local: Endpoint,
        (key, since_ns): (u64, u64),
        owner: Option<Owner>,
        cgroup: Option<u64>,
    ) {
        self.remove(netns, local, key);
        if self.count < MAX_LISTENERS {
            self.count += 1;
            self.by_port.entry((netns, local.port)).or_default().push(Listener {
                key,
                since_ns,
                local,
                owner,
                cgroup,
            });
        }
    }

    /// How many listeners are known.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Forgets the listeners in these network namespaces that are older than `before_ns` and not among these sockets:
    /// their ends were missed.
    pub(super) fn forget_stale(&mut self, netns: &FxHashSet<u32>, sockets: &FxHashSet<u64>, before_ns: u64) {
        self.by_port.retain(|(own, _), listeners| {
            if own.is_some_and(|own| netns.contains(&own)) {
                listeners
                    .retain(|listener| listener.since_ns >= before_ns || sockets.contains(&listener.key));
            }
            !listeners.is_empty()
        });
        self.count = self.by_port.values().map(Vec::len).sum();
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
            let before = listeners.len();
            listeners.retain(|listener| listener.key != key);
            self.count -= before - listeners.len();
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
