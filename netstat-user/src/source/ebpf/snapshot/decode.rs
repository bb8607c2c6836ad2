//! Turns the iterators' records into what a snapshot has.

use netstat_ebpf::wire::{HolderRecord, SnapshotRecord, flag};

use super::super::decode;
use crate::model::{Comm, Holder, Owner, OwnerHow, Protocol, SnapshotSocket, State};

/// The socket that a record tells of. `unix_offset_ns` is CLOCK_REALTIME less CLOCK_MONOTONIC.
pub fn socket(record: &SnapshotRecord, unix_offset_ns: i64) -> SnapshotSocket {
    let SnapshotRecord { transition: seen, listener, cgroup } = record;
    let (local, remote) = decode::ends(seen);
    SnapshotSocket {
        at: decode::moment(seen.mono_ns, unix_offset_ns),
        sock: decode::sock(seen),
        family: decode::family(local, remote),
        protocol: Protocol::Tcp,
        state: State::from_kernel(seen.new),
        local,
        remote,
        netns: seen.netns,
        listener: (*listener != 0).then_some(*listener),
        cgroup: (*cgroup != 0).then_some(*cgroup),
        has_socket: seen.flags & flag::HAS_SOCKET != 0,
        is_minisock: seen.flags & flag::MINISOCK != 0,
    }
}

/// The process that a record tells of.
pub fn holder(record: &HolderRecord) -> Holder {
    let HolderRecord { sk, pid, uid, comm, .. } = *record;
    let mut name = [0; 16];
    name[..8].copy_from_slice(&comm[0].to_ne_bytes());
    name[8..].copy_from_slice(&comm[1].to_ne_bytes());
    Holder { sk, owner: Owner { pid, comm: Comm::new(name), uid: Some(uid), how: OwnerHow::Scan } }
}

/// Sorts the holders by socket; of one socket the lowest pid comes first, the parent of those that
/// inherited it, and process 1 last, which holds what it activates others by.
pub fn sort(holders: &mut Vec<Holder>) {
    // Two less, wrapping: 2 comes first and 1 last.
    holders.sort_unstable_by_key(|holder| (holder.sk, holder.owner.pid.wrapping_sub(2)));
    holders.dedup_by_key(|holder| (holder.sk, holder.owner.pid));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(sk: u64, pid: u32) -> Holder {
        let comm = u64::from_ne_bytes(*b"server\0\0");
        holder(&HolderRecord { sk, netns: 1, fd: 3, pid, uid: 33, comm: [comm, 0] })
    }

    #[test]
    fn of_several_holders_the_lowest_pid_comes_first_and_process_1_last() {
        let mut holders =
            vec![held(9, 1), held(7, 40), held(7, 1), held(7, 30), held(7, 40), held(8, 1), held(8, 2)];
        sort(&mut holders);
        assert_eq!(holders, [held(7, 30), held(7, 40), held(7, 1), held(8, 2), held(8, 1), held(9, 1)]);
    }

    #[test]
    fn a_holder_has_its_name_without_the_padding() {
        let Owner { pid, comm, uid, how } = held(7, 30).owner;
        assert_eq!((pid, comm.as_bytes(), uid, how), (30, &b"server"[..], Some(33), OwnerHow::Scan));
    }
}
