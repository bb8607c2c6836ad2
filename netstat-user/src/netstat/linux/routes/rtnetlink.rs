//! Routes as rtnetlink reports them (RTM_GETROUTE): their types, and all their next hops.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};
use rustix::net::AddressFamily;

use super::{
    next_hop::{NextHop, address},
    nexthops::Nexthops,
};
use crate::readers::netlink::{Attributes, Dump, Links, Request, dump, i32_at, u16_at, u32_at};

/// Size of `struct rtmsg` (include/uapi/linux/rtnetlink.h).
const RTMSG_BYTES: usize = 12;
/// Size of `struct rtnexthop`.
const RTNEXTHOP_BYTES: usize = 8;
/// Attributes that libc lacks (include/uapi/linux/rtnetlink.h).
const RTA_VIA: u16 = 18;
const RTA_NH_ID: u16 = 30;
/// Metrics of a route, the attributes in RTA_METRICS.
const RTAX_WINDOW: u16 = 3;
const RTAX_RTT: u16 = 4;
const RTAX_ADVMSS: u16 = 8;
/// RTM_F_CLONED: an exception for one destination, not an entry of the table.
const RTM_F_CLONED: u32 = 0x200;
/// RTN_UNICAST to RTN_NAT, by their numbers.
const TYPES: [&str; 11] = [
    "unspec",
    "unicast",
    "local",
    "broadcast",
    "anycast",
    "multicast",
    "blackhole",
    "unreachable",
    "prohibit",
    "throw",
    "nat",
];

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelRoute {
    /// The destination network or host.
    pub destination: IpAddr,
    /// The length of its prefix, in bits.
    pub prefix_len: u8,
    /// The network that packets must come from, and the length of its prefix; None for any.
    pub source: Option<(IpAddr, u8)>,
    /// The type of service that packets must have (IPv4); 0: any.
    pub tos: u8,
    /// The number of its type.
    pub kind: u8,
    /// The number of its table.
    pub table: u32,
    /// The priority: the lowest metric is preferred.
    pub metric: u32,
    /// TCP parameters; 0 if not set.
    pub tcp: TcpMetrics,
    /// All next hops; None if they are not known.
    pub next_hops: Option<Vec<NextHop>>,
    /// The nexthop object that it uses.
    pub nexthop_id: Option<u32>,
}

/// TCP parameters of a route; 0 if not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpMetrics {
    /// Advertised maximum segment size, bytes.
    pub advertised_mss: u32,
    /// Window, bytes.
    pub window: u32,
    /// Initial round trip time in the kernel's unit, an eighth of a millisecond.
    pub rtt: u32,
}

impl TcpMetrics {
    /// The MSS as /proc/net/route shows it: 40 bytes more, for the headers of IPv4 and TCP; 0 if not set.
    pub fn shown_mss(self) -> u32 {
        if self.advertised_mss > 0 { self.advertised_mss.saturating_add(40) } else { 0 }
    }

    /// The initial round trip time as /proc/net/route shows it; 0 if not set.
    pub fn shown_rtt(self) -> u32 {
        self.rtt >> 3
    }
}

impl KernelRoute {
    /// The routes of a family in the calling thread's network namespace, of all tables, in the kernel's order.
    ///
    /// # Errors
    /// The kernel refuses, or the answer is malformed or ends with an error.
    pub fn all(ipv6: bool) -> Result<Dump<Self>> {
        let family = if ipv6 { AddressFamily::INET6 } else { AddressFamily::INET };
        let mut payload = [0; RTMSG_BYTES];
        payload[0] = family.as_raw() as u8;
        let request = Request {
            protocol: None,
            kind: libc::RTM_GETROUTE,
            answer: libc::RTM_NEWROUTE,
            payload: &payload,
        };
        let mut routes = dump(&request, |message| decode(message, ipv6))?;
        let uses_objects = |route: &Self| route.nexthop_id.is_some() && route.next_hops.is_none();
        if routes.entries.iter().any(uses_objects) {
            let objects = Nexthops::read()?;
            routes.is_inconsistent |= objects.is_inconsistent;
            for route in routes.entries.iter_mut().filter(|route| uses_objects(route)) {
                route.next_hops = route.nexthop_id.and_then(|id| objects.of(id));
            }
        }
        let links = Links::read()?;
        routes.is_inconsistent |= links.is_inconsistent;
        for hop in routes.entries.iter_mut().flat_map(|route| route.next_hops.iter_mut().flatten()) {
            hop.interface = links.name(hop.index);
        }
        Ok(routes)
    }

    /// Whether it discards packets instead of sending them to a next hop. The kernel may name loopback as its interface.
    pub fn discards(&self) -> bool {
        matches!(
            self.kind,
            libc::RTN_BLACKHOLE | libc::RTN_UNREACHABLE | libc::RTN_PROHIBIT | libc::RTN_THROW
        )
    }

    /// iproute2's name of its type.
    pub fn type_name(&self) -> &'static str {
        TYPES.get(usize::from(self.kind)).copied().unwrap_or("unknown")
    }
}

/// Decodes `struct rtmsg` and its attributes; None for an exception.
pub(crate) fn decode(message: &[u8], ipv6: bool) -> Result<Option<KernelRoute>> {
    let truncated = "rtnetlink sent a truncated route";
    let (header, attributes) = message.split_at_checked(RTMSG_BYTES).context(truncated)?;
    if u32_at(header, 8).context(truncated)? & RTM_F_CLONED != 0 {
        return Ok(None);
    }
    let any: IpAddr = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let [_, prefix_len, source_prefix_len, tos, table, _, _, kind, ..] = *header else { return Ok(None) };
    let mut route = KernelRoute {
        destination: any,
        prefix_len,
        source: (source_prefix_len > 0).then_some((any, source_prefix_len)),
        tos,
        kind,
        table: table.into(),
        metric: 0,
        tcp: TcpMetrics::default(),
        next_hops: None,
        nexthop_id: None,
    };
    let (mut single, mut several) = (Hop::default(), None);
    for attribute in Attributes::new(attributes) {
        let (kind, value) = attribute?;
        match kind {
            libc::RTA_DST => route.destination = address(value).context(truncated)?,
            libc::RTA_SRC => route.source = Some((address(value).context(truncated)?, source_prefix_len)),
            libc::RTA_TABLE => route.table = u32_at(value, 0).context(truncated)?,
            libc::RTA_PRIORITY => route.metric = u32_at(value, 0).context(truncated)?,
            libc::RTA_METRICS => route.tcp = tcp_metrics(value)?,
            libc::RTA_OIF => single.index = Some(u32_at(value, 0).context(truncated)?),
            libc::RTA_MULTIPATH => several = Some(next_hops(value)?),
            RTA_NH_ID => route.nexthop_id = Some(u32_at(value, 0).context(truncated)?),
            _ => single.gateway(kind, value)?,
        }
    }
    route.next_hops = match (several, single.next_hop()) {
        (Some(several), _) => Some(several),
        (None, Some(single)) => Some(vec![single]),
        // A route by a nexthop object, without the fields of old (`nexthop_compat_mode`).
        (None, None) if route.nexthop_id.is_some() => None,
        (None, None) => Some(Vec::new()),
    };
    Ok(Some(route))
}

/// What attributes say of one next hop.
#[derive(Default)]
struct Hop {
    gateway: Option<IpAddr>,
    index: Option<u32>,
}

impl Hop {
    /// Takes the gateway, if the attribute has one: RTA_VIA is `struct rtvia`, a family and an address.
    fn gateway(&mut self, kind: u16, value: &[u8]) -> Result<()> {
        let address = |bytes| address(bytes).context("rtnetlink sent a malformed gateway");
        match kind {
            libc::RTA_GATEWAY => self.gateway = Some(address(value)?),
            RTA_VIA => self.gateway = Some(address(value.get(2..).unwrap_or_default())?),
            _ => {}
        }
        Ok(())
    }

    fn next_hop(self) -> Option<NextHop> {
        let Self { gateway, index } = self;
        let is_given = gateway.is_some() || index.is_some();
        is_given.then(|| NextHop { gateway, index: index.unwrap_or(0), interface: None, weight: 1 })
    }
}

/// The next hops in RTA_MULTIPATH: each is a `struct rtnexthop` and attributes.
fn next_hops(mut bytes: &[u8]) -> Result<Vec<NextHop>> {
    let malformed = "rtnetlink sent a malformed list of next hops";
    let mut hops = Vec::new();
    while !bytes.is_empty() {
        let length = usize::from(u16_at(bytes, 0).context(malformed)?);
        let attributes = bytes.get(RTNEXTHOP_BYTES..length).context(malformed)?;
        let mut hop = Hop::default();
        for attribute in Attributes::new(attributes) {
            let (kind, value) = attribute?;
            hop.gateway(kind, value)?;
        }
        let index = i32_at(bytes, 4).context(malformed)?.cast_unsigned();
        let weight = u32::from(bytes[3]) + 1;
        hops.push(NextHop { gateway: hop.gateway, index, interface: None, weight });
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(hops)
}

fn tcp_metrics(bytes: &[u8]) -> Result<TcpMetrics> {
    let mut tcp = TcpMetrics::default();
    for attribute in Attributes::new(bytes) {
        let (kind, value) = attribute?;
        let Some(value) = u32_at(value, 0) else { continue };
        match kind {
            RTAX_ADVMSS => tcp.advertised_mss = value,
            RTAX_WINDOW => tcp.window = value,
            RTAX_RTT => tcp.rtt = value,
            _ => {}
        }
    }
    Ok(tcp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::netlink::attribute;

    fn message(kind: u8, flags: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut message = vec![2, 24, 0, 0, 254, 3, 0, kind];
        message.extend(flags.to_ne_bytes());
        message.extend(attribute(libc::RTA_DST, &[10, 1, 2, 0]));
        message.extend(attributes.concat());
        message
    }

    fn hop(index: u8, weight: u8, attributes: &[u8]) -> Vec<u8> {
        let mut bytes = (8 + attributes.len() as u16).to_ne_bytes().to_vec();
        bytes.extend([0, weight - 1, index, 0, 0, 0]);
        bytes.extend(attributes);
        bytes
    }

    fn via(gateway: &str, index: u32, weight: u32) -> NextHop {
        NextHop { gateway: Some(gateway.parse().unwrap()), index, interface: None, weight }
    }

    #[test]
    fn every_next_hop_is_decoded_with_a_gateway_of_either_family() {
        let six: Ipv6Addr = "fe80::1".parse().unwrap();
        let rtvia = [&10_u16.to_ne_bytes()[..], &six.octets()].concat();
        let hops = [
            hop(3, 1, &attribute(libc::RTA_GATEWAY, &[10, 0, 0, 1])),
            hop(4, 20, &attribute(RTA_VIA, &rtvia)),
        ];
        let several = message(1, 0, &[attribute(libc::RTA_MULTIPATH, &hops.concat())]);
        let route = decode(&several, false).unwrap().unwrap();
        assert_eq!(route.next_hops, Some(vec![via("10.0.0.1", 3, 1), via("fe80::1", 4, 20)]));
        assert_eq!((route.destination.to_string().as_str(), route.prefix_len), ("10.1.2.0", 24));
        let one = message(1, 0, &[attribute(RTA_VIA, &rtvia), attribute(libc::RTA_OIF, &[4, 0, 0, 0])]);
        assert_eq!(decode(&one, false).unwrap().unwrap().next_hops, Some(vec![via("fe80::1", 4, 1)]));
    }

    #[test]
    fn a_type_without_next_hops_has_none_and_those_of_an_object_are_not_known_yet() {
        let blackhole = decode(&message(6, 0, &[]), false).unwrap().unwrap();
        assert_eq!((blackhole.type_name(), blackhole.next_hops), ("blackhole", Some(vec![])));
        let object = decode(&message(1, 0, &[attribute(RTA_NH_ID, &[7, 0, 0, 0])]), false).unwrap().unwrap();
        assert_eq!((object.nexthop_id, object.next_hops), (Some(7), None));
    }

    #[test]
    fn an_exception_is_no_route_and_a_truncated_message_an_error() {
        assert_eq!(decode(&message(1, RTM_F_CLONED, &[]), false).unwrap(), None);
        let hops = hop(3, 1, &attribute(libc::RTA_GATEWAY, &[10, 0, 0, 1]));
        let whole = message(1, 0, &[attribute(libc::RTA_MULTIPATH, &hops)]);
        for length in 0..whole.len() {
            // Cut off after the destination, it is whole.
            let is_whole = length == RTMSG_BYTES || length == RTMSG_BYTES + 8;
            assert_eq!(decode(&whole[..length], false).is_ok(), is_whole, "{length}");
        }
        for cut in [&hops[..4], &[0; 8], &[255; 8]] {
            assert!(next_hops(cut).is_err(), "{cut:?}");
        }
    }
}
