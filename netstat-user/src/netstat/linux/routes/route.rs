//! A route as netstat shows it, and what more is known of it.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{next_hop::NextHop, rtnetlink::KernelRoute};
use crate::model::InterfaceName;

/// A route of IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The destination network or host.
    pub destination: Ipv4Addr,
    /// The first next hop; 0.0.0.0 if the destination is on the link, and for a gateway of IPv6.
    pub gateway: Ipv4Addr,
    /// The netmask of the destination.
    pub mask: Ipv4Addr,
    /// See [`flags`].
    pub flags: u32,
    /// Reference count; current kernels print 0.
    pub references: u32,
    /// Lookups of the route; current kernels print 0.
    pub uses: u32,
    /// The priority: the lowest metric is preferred.
    pub metric: u32,
    /// Advertised maximum segment size plus 40, in bytes; 0 if not set.
    pub mss: u32,
    /// TCP window, in bytes; 0 if not set.
    pub window: u32,
    /// Initial round trip time, in clock ticks; 0 if not set.
    pub irtt: u32,
    /// The interface of the first next hop; None for a route that discards packets.
    pub interface: Option<InterfaceName>,
    /// What only rtnetlink has.
    pub details: Option<Details>,
}

/// A route of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route6 {
    /// The destination network or host.
    pub destination: Ipv6Addr,
    /// The length of its prefix, in bits.
    pub prefix_length: u32,
    /// The network that packets must come from.
    pub source: Ipv6Addr,
    /// The length of its prefix; 0: packets may come from anywhere.
    pub source_prefix_length: u32,
    /// The next hop; :: if the destination is on the link.
    pub next_hop: Ipv6Addr,
    /// The priority: the lowest metric is preferred.
    pub metric: u32,
    /// Reference count.
    pub references: u32,
    /// Lookups of the route.
    pub uses: u32,
    /// See [`flags`].
    pub flags: u32,
    /// The outgoing interface; None if there is none.
    pub interface: Option<InterfaceName>,
}

/// What only rtnetlink has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The type of service that packets must have; 0: any.
    pub tos: u8,
    /// The name of its type.
    pub kind: &'static str,
    /// The number of its table.
    pub table: u32,
    /// All next hops; None if they are not known.
    pub next_hops: Option<Vec<NextHop>>,
    /// The nexthop object that it uses.
    pub nexthop_id: Option<u32>,
}

impl Details {
    /// Of a route.
    pub fn of(route: &KernelRoute) -> Self {
        Self {
            tos: route.tos,
            kind: route.type_name(),
            table: route.table,
            next_hops: if route.discards() { Some(Vec::new()) } else { route.next_hops.clone() },
            nexthop_id: route.nexthop_id,
        }
    }
}
