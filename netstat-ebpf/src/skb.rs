//! Reads the addresses and ports of a received segment.

use netstat_ebpf::wire::Offsets;

use crate::{
    globals::{OFFSETS, value},
    memory::{BtfPtr, probe_read},
    sock::{Tuple, mapped},
};

/// The addresses of an IPv4 header (include/uapi/linux/ip.h): source, then destination.
const IPV4_ADDRESSES: u64 = 12;
/// The same of an IPv6 header (include/uapi/linux/ipv6.h).
const IPV6_ADDRESSES: u64 = 8;

/// The tuple of the connection that a received segment belongs to, as its receiver sees it. None if this kernel's fields
/// are unknown, or if the packet is neither IPv4 nor IPv6.
#[inline(always)]
pub fn receiver_tuple(skb: BtfPtr) -> Option<Tuple> {
    let offset = value(&OFFSETS.skb_head);
    if offset == Offsets::ABSENT {
        return None;
    }
    let head: u64 = skb.load(offset);
    let network = head + u64::from(skb.load::<u16>(value(&OFFSETS.skb_network_header)));
    let transport = head + u64::from(skb.load::<u16>(value(&OFFSETS.skb_transport_header)));
    let (remote_addr, local_addr) = match probe_read::<u8>(network)? >> 4 {
        4 => {
            let [source, destination] = probe_read::<[u32; 2]>(network + IPV4_ADDRESSES)?;
            (mapped(source), mapped(destination))
        }
        6 => {
            let [source, destination] = probe_read::<[[u64; 2]; 2]>(network + IPV6_ADDRESSES)?;
            (source, destination)
        }
        _ => return None,
    };
    let [source, destination] = probe_read::<[u16; 2]>(transport)?;
    Some(Tuple {
        local_port: u16::from_be(destination),
        remote_port: u16::from_be(source),
        local_addr,
        remote_addr,
    })
}
