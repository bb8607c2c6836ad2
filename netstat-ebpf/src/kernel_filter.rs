//! The user's filters, as far as the kernel side can apply them without changing the output.

use netstat_ebpf::wire::{MAX_RANGES, PortRange, state};

use crate::{
    globals::{FILTER, value},
    sock::{AF_INET6, Tuple},
};

/// Whether no row needs transitions from `old` to `new`.
#[inline(always)]
pub fn drops_states(old: u8, new: u8) -> bool {
    value(&FILTER.by_states) != 0 && value(&FILTER.dropped[(old & 15) as usize]) & (1 << (new & 15)) != 0
}

/// Whether the tuple shows that no row of the connection matches the filters. It can't show that before the kernel has
/// chosen the local port, nor for a child, which may still have its listener's tuple.
#[inline(always)]
pub fn drops_tuple(old: u8, family: u16, tuple: &Tuple) -> bool {
    if tuple.local_port == 0 || tuple.remote_port == 0 || old == state::LISTEN || old == state::SYN_RECV {
        return false;
    }
    let wanted = value(&FILTER.family);
    if wanted != 0 && wanted != packet_family(family, tuple) {
        return true;
    }
    let (local, remote) = (tuple.local_port, tuple.remote_port);
    (value(&FILTER.by_local) != 0 && !contains(&FILTER.local, local))
        || (value(&FILTER.by_remote) != 0 && !contains(&FILTER.remote, remote))
        || (value(&FILTER.by_either) != 0
            && !contains(&FILTER.either, local)
            && !contains(&FILTER.either, remote))
}

/// 1 for IPv4, 2 for IPv6: a socket of AF_INET6 with mapped addresses sends IPv4 packets.
#[inline(always)]
fn packet_family(family: u16, tuple: &Tuple) -> u32 {
    let is_mapped = tuple.remote_addr[0] == 0 && tuple.remote_addr[1] as u32 == 0xffff_0000;
    if family == AF_INET6 && !is_mapped { 2 } else { 1 }
}

#[inline(always)]
fn contains(ranges: &'static [PortRange; MAX_RANGES], port: u16) -> bool {
    let mut is_within = false;
    for range in value(ranges) {
        is_within |= range.first <= port && port <= range.last;
    }
    is_within
}
