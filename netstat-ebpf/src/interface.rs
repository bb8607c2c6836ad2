//! The name of the network interface that a socket is bound to.

use netstat_ebpf::wire::{InterfaceRecord, Offsets, kind};

use crate::{
    globals::{OFFSETS, value},
    memory::probe_read,
    record,
};

/// The number of hash chains of `net.dev_index_head` (`NETDEV_HASHENTRIES`, include/net/net_namespace.h and
/// include/linux/netdevice.h, 5.10 to 6.18), a power of two.
const CHAINS: u32 = 256;
/// The most interfaces of a chain that are searched: indices are given out in order, so a namespace has some thousand
/// interfaces before a chain is longer.
const MAX_LINKS: u32 = 16;

/// Writes a record with the interface's name, for the record of a socket that follows. `net` is the address of the socket's
/// `struct net`, `netns` its inode number. A socket that is not bound needs none.
#[inline(always)]
pub fn submit_name(net: u64, netns: u32, ifindex: u32) {
    if ifindex == 0 {
        return;
    }
    let name = name(net, ifindex);
    record::submit_observation(|| InterfaceRecord {
        kind: kind::INTERFACE,
        unused: [0; 3],
        netns,
        ifindex,
        unused_before_name: 0,
        name,
    });
}

/// The name; empty if it is not found, or if this kernel's fields are unknown.
#[inline(always)]
pub fn name(net: u64, ifindex: u32) -> [u64; 2] {
    if ifindex == 0 || value(&OFFSETS.net_dev_index_head) == Offsets::ABSENT {
        return [0; 2];
    }
    find(net, ifindex).unwrap_or_default()
}

/// As `dev_get_by_index_rcu` does (net/core/dev.c).
#[inline(always)]
fn find(net: u64, ifindex: u32) -> Option<[u64; 2]> {
    let chains: u64 = probe_read(net + u64::from(value(&OFFSETS.net_dev_index_head)))?;
    // The first member of `struct hlist_head` and of `struct hlist_node` is the pointer to the next node.
    let mut node: u64 = probe_read(chains + u64::from(ifindex % CHAINS) * 8)?;
    for _ in 0..MAX_LINKS {
        if node == 0 {
            return None;
        }
        let device = node.wrapping_sub(u64::from(value(&OFFSETS.dev_index_hlist)));
        if probe_read::<u32>(device + u64::from(value(&OFFSETS.dev_ifindex)))? == ifindex {
            return probe_read(device + u64::from(value(&OFFSETS.dev_name)));
        }
        node = probe_read(node)?;
    }
    None
}
