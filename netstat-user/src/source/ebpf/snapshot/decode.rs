//! Decodes the iterators' records.

use std::num::NonZero;

use netstat_ebpf::wire::{HolderRecord, SnapshotRecord, flag};

use super::super::decode;
use crate::model::{Holder, Interface, InterfaceName, OwnerHow, Protocol, SnapshotSocket, State};

/// Decodes a socket. `unix_offset_ns` is CLOCK_REALTIME minus CLOCK_MONOTONIC, nanoseconds.
pub fn socket(record: &SnapshotRecord, unix_offset_ns: i64) -> SnapshotSocket {
    let SnapshotRecord { transition, listener, cgroup, interface } = record;
    let (local, remote) = decode::endpoints(transition);
    SnapshotSocket {
        at: decode::moment(transition.mono_ns, unix_offset_ns),
        sock: decode::sock(transition),
        family: decode::family(local, remote),
        protocol: Protocol::Tcp,
        state: State::from_kernel(transition.new),
        local,
        remote,
        netns: transition.netns,
        listener: (*listener != 0).then_some(*listener),
        cgroup: (*cgroup != 0).then_some(*cgroup),
        has_socket: transition.flags & flag::HAS_SOCKET != 0,
        is_minisock: transition.flags & flag::MINISOCK != 0,
        interface: NonZero::new(transition.ifindex)
            .map(|index| Interface { index, name: InterfaceName::new(&decode::bytes(*interface)) }),
    }
}

/// Decodes a process that holds a socket.
pub fn holder(record: &HolderRecord) -> Holder {
    Holder { sk: record.sk, owner: decode::owner(&record.process, OwnerHow::Scan) }
}

/// Sorts the holders by socket and removes duplicates. A socket's holders are sorted by pid: the parent comes before
/// the children that inherited the socket. Process 1 comes last: it holds the sockets of socket-activated services.
pub fn sort(holders: &mut Vec<Holder>) {
    // Subtracting 2 with wrapping sorts pid 2 first and pid 1 last.
    holders.sort_unstable_by_key(|holder| (holder.sk, holder.owner.pid.wrapping_sub(2)));
    holders.dedup_by_key(|holder| (holder.sk, holder.owner.pid));
}

#[cfg(test)]
mod tests {
    use netstat_ebpf::wire::Process;

    use super::*;
    use crate::model::Owner;

    fn holder_of(sk: u64, pid: u32) -> Holder {
        let comm = u64::from_ne_bytes(*b"server\0\0");
        let process = Process { pid, uid: 33, started_ns: 5, comm: [comm, 0] };
        holder(&HolderRecord { sk, netns: 1, fd: 3, process })
    }

    #[test]
    fn the_holders_of_a_socket_are_sorted_by_pid_with_process_1_last() {
        let mut holders = vec![
            holder_of(9, 1),
            holder_of(7, 40),
            holder_of(7, 1),
            holder_of(7, 30),
            holder_of(7, 40),
            holder_of(8, 1),
            holder_of(8, 2),
        ];
        sort(&mut holders);
        assert_eq!(
            holders,
            [
                holder_of(7, 30),
                holder_of(7, 40),
                holder_of(7, 1),
                holder_of(8, 2),
                holder_of(8, 1),
                holder_of(9, 1)
            ]
        );
    }

    #[test]
    fn a_holder_s_name_is_decoded_without_its_padding() {
        let Owner { pid, comm, uid, started_ns, how } = holder_of(7, 30).owner;
        assert_eq!(
            (pid, comm.as_bytes(), uid, started_ns, how),
            (30, &b"server"[..], Some(33), Some(5), OwnerHow::Scan)
        );
    }
}
