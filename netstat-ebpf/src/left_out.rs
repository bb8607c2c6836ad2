//! The user's filters as far as the kernel side can apply them without changing what is shown.

use netstat_ebpf::wire::{MAX_RANGES, PortRange, state};

use crate::{
    globals::{FILTER, value},
    sock::{AF_INET6, Ends},
};

/// Whether user space can do without transitions from `old` to `new`.
#[inline(always)]
pub fn by_states(old: u8, new: u8) -> bool {
    value(&raw const FILTER.by_states) != 0
        && value(&raw const FILTER.left_out[(old & 15) as usize]) & (1 << (new & 15)) != 0
}

/// Whether the ends say that the connection is none that is shown. They can't say it before the
/// kernel has chosen the local port, nor of a child that may still show its listener's ends.
#[inline(always)]
pub fn by_ends(old: u8, family: u16, ends: &Ends) -> bool {
    if ends.local_port == 0 || ends.remote_port == 0 || old == state::LISTEN || old == state::SYN_RECV {
        return false;
    }
    let wanted = value(&raw const FILTER.family);
    if wanted != 0 && wanted != packet_family(family, ends) {
        return true;
    }
    let (local, remote) = (ends.local_port, ends.remote_port);
    (value(&raw const FILTER.by_local) != 0 && !within(&raw const FILTER.local, local))
        || (value(&raw const FILTER.by_remote) != 0 && !within(&raw const FILTER.remote, remote))
        || (value(&raw const FILTER.by_either) != 0
            && !within(&raw const FILTER.either, local)
            && !within(&raw const FILTER.either, remote))
}

/// 1 for IPv4, 2 for IPv6: a socket of AF_INET6 may talk IPv4 by mapped addresses.
#[inline(always)]
fn packet_family(family: u16, ends: &Ends) -> u32 {
    let mapped = ends.remote_addr[0] == 0 && ends.remote_addr[1] as u32 == 0xffff_0000;
    if family == AF_INET6 && !mapped { 2 } else { 1 }
}

#[inline(always)]
fn within(ranges: *const [PortRange; MAX_RANGES], port: u16) -> bool {
    let mut found = false;
    for range in value(ranges) {
        found |= range.first <= port && port <= range.last;
    }
    found
}
