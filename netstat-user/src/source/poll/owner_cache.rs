//! The owners of polled sockets: to find one, the files of all processes have to be scanned.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Owners, Poller, Stop};
use crate::model::{Owner, PolledSocket, SocketHandle};

/// The owners of the sockets of the last poll. A scan is made only when a new socket appears, or when an owner has ended; it
/// looks for the owners of all sockets anew, because a socket may have been handed on.
#[derive(Debug)]
pub(super) struct OwnerCache {
    limit: usize,
    owners: Owners,
    /// Whether the last scan failed: the next poll repeats it.
    has_failed: bool,
}

impl OwnerCache {
    /// Keeps the owners of at most `limit` sockets, and looks for no others.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, owners: Owners::default(), has_failed: false }
    }

    /// Sets the sockets' owners. Makes one scan at most.
    ///
    /// # Errors
    /// That of the scan; the owners that were known before are set all the same.
    pub(super) fn fill_in(
        &mut self,
        sockets: &mut [PolledSocket],
        poller: &mut impl Poller,
        stop: &Stop,
    ) -> anyhow::Result<()> {
        let listed: FxHashSet<SocketHandle> = sockets.iter().filter_map(|socket| socket.handle).collect();
        self.owners.retain(|handle, _| listed.contains(handle));
        let has_ended = self.refresh(poller);
        let capacity = self.limit.saturating_sub(self.owners.len());
        let new: Vec<_> =
            listed.into_iter().filter(|handle| !self.owners.contains_key(handle)).take(capacity).collect();
        let mut result = Ok(());
        if !new.is_empty() || has_ended || self.has_failed || poller.has_read_owners() {
            self.owners.extend(new.into_iter().map(|handle| (handle, None)));
            result = poller.find_owners(&mut self.owners, stop);
            self.has_failed = result.is_err();
        }
        for socket in sockets {
            socket.owner = socket.handle.and_then(|handle| self.owners.get(&handle)?.clone());
        }
        result
    }

    /// Takes over the present names of the owners, and forgets those that have ended. Returns whether there was one.
    fn refresh(&mut self, poller: &impl Poller) -> bool {
        let mut refreshed: FxHashMap<u32, Option<Arc<Owner>>> = FxHashMap::default();
        let mut has_ended = false;
        for known in self.owners.values_mut() {
            let Some(owner) = known else { continue };
            let present = || poller.refresh(owner).map(Arc::new);
            *known = refreshed.entry(owner.pid).or_insert_with(present).clone();
            has_ended |= known.is_none();
        }
        has_ended
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;
    use crate::model::{Comm, Endpoint, OwnerHow, Poll, State};

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

    /// A poller whose scans find process `pid_of` of each socket, except that of socket 7.
    #[derive(Default)]
    struct Scans {
        scanned: Option<Vec<u64>>,
        fails: bool,
        has_read: bool,
        /// Added to a socket's number for its owner's process id.
        offset: u64,
        ended: Vec<u32>,
        name: Comm,
    }

    impl Poller for Scans {
        fn poll(&mut self, _: &Stop) -> anyhow::Result<Poll> {
            unreachable!("the cache doesn't poll")
        }

        fn find_owners(&mut self, owners: &mut Owners, _: &Stop) -> anyhow::Result<()> {
            anyhow::ensure!(!self.fails, "no");
            let mut handles: Vec<_> = owners.keys().map(|handle| handle.get()).collect();
            handles.sort_unstable();
            self.scanned = Some(handles);
            let pid = |handle: &SocketHandle| u32::try_from(handle.get() + self.offset).unwrap();
            let found =
                |pid| Owner { pid, comm: self.name, uid: Some(0), started_ns: None, how: OwnerHow::Scan };
            for (handle, owner) in owners {
                *owner = (handle.get() != 7).then(|| Arc::new(found(pid(handle))));
            }
            Ok(())
        }

        fn has_read_owners(&self) -> bool {
            self.has_read
        }

        fn refresh(&self, owner: &Owner) -> Option<Owner> {
            (!self.ended.contains(&owner.pid)).then_some(Owner { comm: self.name, ..*owner })
        }
    }

    fn comm(name: &[u8; 4]) -> Comm {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(name);
        Comm::new(bytes)
    }

    fn pids(sockets: &[PolledSocket]) -> Vec<Option<u32>> {
        sockets.iter().map(|socket| socket.owner.as_ref().map(|owner| owner.pid)).collect()
    }

    /// The pids that are filled in, and the handles for which a scan was made.
    fn fill_in(
        cache: &mut OwnerCache,
        scans: &mut Scans,
        handles: &[u64],
    ) -> (Vec<Option<u32>>, Option<Vec<u64>>) {
        let mut sockets: Vec<_> = handles.iter().copied().map(socket).collect();
        cache.fill_in(&mut sockets, scans, &Stop::NEVER).unwrap();
        (pids(&sockets), scans.scanned.take())
    }

    #[test]
    fn a_scan_is_made_only_when_a_socket_is_new_and_looks_for_all_owners() {
        let (mut cache, mut scans) = (OwnerCache::new(10), Scans::default());
        assert_eq!(fill_in(&mut cache, &mut scans, &[7, 3]), (vec![None, Some(3)], Some(vec![3, 7])));
        assert_eq!(fill_in(&mut cache, &mut scans, &[7, 3]), (vec![None, Some(3)], None));
        assert_eq!(fill_in(&mut cache, &mut scans, &[7, 0]), (vec![None, None], None));
        assert_eq!(fill_in(&mut cache, &mut scans, &[7, 5]), (vec![None, Some(5)], Some(vec![5, 7])));
    }

    #[test]
    fn no_scan_is_made_for_sockets_beyond_the_limit() {
        let (mut cache, mut scans) = (OwnerCache::new(1), Scans::default());
        assert_eq!(fill_in(&mut cache, &mut scans, &[3]), (vec![Some(3)], Some(vec![3])));
        assert_eq!(fill_in(&mut cache, &mut scans, &[3, 4]), (vec![Some(3), None], None));
        assert_eq!(fill_in(&mut cache, &mut scans, &[4]), (vec![Some(4)], Some(vec![4])));
    }

    #[test]
    fn a_scan_that_fails_is_repeated_and_keeps_the_owners_that_are_known() {
        let (mut cache, mut scans) = (OwnerCache::new(10), Scans::default());
        fill_in(&mut cache, &mut scans, &[3]);
        scans.fails = true;
        let mut sockets = [socket(3), socket(4)];
        assert!(cache.fill_in(&mut sockets, &mut scans, &Stop::NEVER).is_err());
        assert_eq!(pids(&sockets), [Some(3), None]);
        scans.fails = false;
        assert_eq!(fill_in(&mut cache, &mut scans, &[3, 4]), (vec![Some(3), Some(4)], Some(vec![3, 4])));
    }

    #[test]
    fn an_owner_that_has_ended_is_replaced_by_the_process_that_holds_the_socket_now() {
        let (mut cache, mut scans) = (OwnerCache::new(10), Scans::default());
        fill_in(&mut cache, &mut scans, &[3, 4]);
        (scans.ended, scans.offset) = (vec![3], 10);
        assert_eq!(fill_in(&mut cache, &mut scans, &[3, 4]), (vec![Some(13), Some(14)], Some(vec![3, 4])));
        (scans.ended, scans.fails) = (vec![14], true);
        let mut sockets = [socket(3), socket(4)];
        assert!(cache.fill_in(&mut sockets, &mut scans, &Stop::NEVER).is_err());
        assert_eq!(pids(&sockets), [Some(13), None], "an owner that has ended is not an owner");
    }

    #[test]
    fn owners_that_a_poll_has_read_are_taken_and_a_new_name_is_taken_without_a_scan() {
        let (mut cache, mut scans) = (OwnerCache::new(10), Scans { name: comm(b"bash"), ..Scans::default() });
        fill_in(&mut cache, &mut scans, &[3]);
        scans.name = comm(b"curl");
        let mut sockets = [socket(3)];
        cache.fill_in(&mut sockets, &mut scans, &Stop::NEVER).unwrap();
        assert_eq!(sockets[0].owner.as_ref().unwrap().comm, comm(b"curl"));
        (scans.has_read, scans.offset, scans.scanned) = (true, 5, None);
        assert_eq!(fill_in(&mut cache, &mut scans, &[3]), (vec![Some(8)], Some(vec![3])));
    }
}
