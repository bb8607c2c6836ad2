//! The owners of polled sockets: to find one, the files of all processes have to be scanned.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Owner, PolledSocket, SocketHandle};

/// The owners of the sockets of the last poll. A scan is made only when a new socket appears; then it also looks
/// for the owners that no scan has found so far.
#[derive(Debug)]
pub(super) struct OwnerCache {
    limit: usize,
    /// None: no scan has found the owner.
    owners: FxHashMap<SocketHandle, Option<Owner>>,
    /// Whether the last scan failed: the next poll repeats it.
    has_failed: bool,
}

impl OwnerCache {
    /// Keeps the owners of at most `limit` sockets, and looks for no others.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, owners: FxHashMap::default(), has_failed: false }
    }

    /// Sets the sockets' owners. `scan` is called at most once.
    ///
    /// # Errors
    /// That of `scan`; the owners that were known before are set all the same.
    pub(super) fn fill_in(
        &mut self,
        sockets: &mut [PolledSocket],
        scan: impl FnOnce(&FxHashSet<SocketHandle>) -> anyhow::Result<FxHashMap<SocketHandle, Owner>>,
    ) -> anyhow::Result<()> {
        let listed: FxHashSet<SocketHandle> = sockets.iter().filter_map(|socket| socket.handle).collect();
        self.owners.retain(|handle, _| listed.contains(handle));
        let capacity = self.limit.saturating_sub(self.owners.len());
        let new: Vec<_> =
            listed.into_iter().filter(|handle| !self.owners.contains_key(handle)).take(capacity).collect();
        let mut result = Ok(());
        if !new.is_empty() || self.has_failed {
            self.owners.extend(new.into_iter().map(|handle| (handle, None)));
            let unknown = self.owners.iter().filter(|(_, owner)| owner.is_none());
            let wanted = unknown.map(|(handle, _)| *handle).collect();
            let scanned = scan(&wanted);
            self.has_failed = scanned.is_err();
            match scanned {
                Ok(found) => {
                    for (handle, owner) in found {
                        if let Some(entry) = self.owners.get_mut(&handle) {
                            *entry = Some(owner);
                        }
                    }
                }
                Err(error) => result = Err(error),
            }
        }
        for socket in sockets {
            socket.owner = socket.handle.and_then(|handle| *self.owners.get(&handle)?);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;
    use crate::model::{Comm, Endpoint, OwnerHow, State};

    fn socket(handle: u64) -> PolledSocket {
        let local = Endpoint { addr: [127, 0, 0, 1].into(), port: 80 };
        let handle = NonZero::new(handle);
        PolledSocket {
            state: State::Listen,
            local,
            remote: None,
            handle,
            owner: None,
            uid: None,
            netns: None,
        }
    }

    /// The pids that are filled in, and the handles for which a scan was made. No scan finds handle 7.
    fn fill_in(cache: &mut OwnerCache, handles: &[u64]) -> (Vec<Option<u32>>, Option<Vec<u64>>) {
        let mut sockets: Vec<_> = handles.iter().copied().map(socket).collect();
        let mut scanned = None;
        cache
            .fill_in(&mut sockets, |wanted| {
                let mut handles: Vec<_> = wanted.iter().map(|handle| handle.get()).collect();
                handles.sort_unstable();
                scanned = Some(handles);
                let found = wanted.iter().filter(|handle| handle.get() != 7);
                let owner = |pid| Owner { pid, comm: Comm::default(), uid: Some(0), how: OwnerHow::Scan };
                Ok(found.map(|handle| (*handle, owner(u32::try_from(handle.get()).unwrap()))).collect())
            })
            .unwrap();
        (sockets.iter().map(|socket| socket.owner.map(|owner| owner.pid)).collect(), scanned)
    }

    #[test]
    fn a_scan_is_made_only_when_a_socket_is_new_and_looks_for_all_unknown_owners() {
        let mut cache = OwnerCache::new(10);
        assert_eq!(fill_in(&mut cache, &[7, 3]), (vec![None, Some(3)], Some(vec![3, 7])));
        assert_eq!(fill_in(&mut cache, &[7, 3]), (vec![None, Some(3)], None));
        assert_eq!(fill_in(&mut cache, &[7, 0]), (vec![None, None], None));
        assert_eq!(fill_in(&mut cache, &[7, 5]), (vec![None, Some(5)], Some(vec![5, 7])));
    }

    #[test]
    fn no_scan_is_made_for_sockets_beyond_the_limit() {
        let mut cache = OwnerCache::new(1);
        assert_eq!(fill_in(&mut cache, &[3]), (vec![Some(3)], Some(vec![3])));
        assert_eq!(fill_in(&mut cache, &[3, 4]), (vec![Some(3), None], None));
        assert_eq!(fill_in(&mut cache, &[4]), (vec![Some(4)], Some(vec![4])));
    }

    #[test]
    fn a_scan_that_fails_is_repeated_and_keeps_the_owners_that_are_known() {
        let mut cache = OwnerCache::new(10);
        fill_in(&mut cache, &[3]);
        let mut sockets = [socket(3), socket(4)];
        let failed = cache.fill_in(&mut sockets, |_| Err(anyhow::anyhow!("no")));
        assert!(failed.is_err());
        assert_eq!(sockets.map(|socket| socket.owner.map(|owner| owner.pid)), [Some(3), None]);
        assert_eq!(fill_in(&mut cache, &[3, 4]), (vec![Some(3), Some(4)], Some(vec![4])));
    }
}
