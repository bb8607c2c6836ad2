//! Routes as JSON: what the columns of netstat have, and what they can't say.

use std::{collections::VecDeque, net::IpAddr};

use netstat_events::text;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::{
    flags,
    next_hop::NextHop,
    route::{Details, Route, Route6},
    rtnetlink::KernelRoute,
};
use crate::model::InterfaceName;

/// A route.
#[derive(Serialize)]
pub struct Line {
    kind: &'static str,
    family: &'static str,
    destination: IpAddr,
    prefix_len: u32,
    gateway: Option<IpAddr>,
    flags: String,
    metric: u32,
    mss: Option<u32>,
    window: Option<u32>,
    irtt: Option<u32>,
    interface: Option<String>,
    #[serde(rename = "type")]
    route_type: Option<&'static str>,
    table: Option<u32>,
    /// The network that packets must come from; null for any.
    source: Option<IpAddr>,
    source_prefix_len: Option<u32>,
    /// Null if they are not known.
    next_hops: Option<Vec<Hop>>,
    nexthop_id: Option<u32>,
    /// The type of service that packets must have; 0 for any.
    tos: Option<u8>,
}

#[derive(Serialize)]
struct Hop {
    gateway: Option<IpAddr>,
    interface: Option<String>,
    weight: u32,
}

/// What is the same in /proc and in one next hop of rtnetlink's route: destination, source, gateway, metric, interface.
type Key = ((IpAddr, u32), (IpAddr, u32), IpAddr, u32, Option<InterfaceName>);

/// A route of IPv4.
pub fn inet(route: &Route) -> Line {
    let details = route.details.as_ref();
    let first = details.and_then(|details| details.next_hops.as_ref()?.first());
    let gateway = Some(IpAddr::V4(route.gateway)).filter(|addr| !addr.is_unspecified());
    Line {
        kind: "route",
        family: "ipv4",
        destination: route.destination.into(),
        prefix_len: u32::from(route.mask).count_ones(),
        gateway: first.and_then(|hop| hop.gateway).or(gateway),
        flags: flags::inet(route.flags),
        metric: route.metric,
        mss: set(route.mss),
        window: set(route.window),
        irtt: set(route.irtt),
        interface: name(route.interface),
        route_type: details.map(|details| details.kind),
        table: details.map(|details| details.table),
        source: None,
        source_prefix_len: None,
        next_hops: details.and_then(hops),
        nexthop_id: details.and_then(|details| details.nexthop_id),
        tos: details.map(|details| details.tos),
    }
}

/// The routes of IPv6: those of /proc, each with what rtnetlink reports of it. /proc has a line for each next hop of a
/// route, of which only the first becomes one here. `kernel` is None if rtnetlink failed.
pub fn inet6(routes: &[Route6], kernel: Option<Vec<KernelRoute>>) -> Vec<Line> {
    let kernel = kernel.unwrap_or_default();
    let mut by_key: FxHashMap<Key, VecDeque<usize>> = FxHashMap::default();
    for (at, route) in kernel.iter().enumerate() {
        for key in keys(route) {
            by_key.entry(key).or_default().push_back(at);
        }
    }
    let mut is_written = vec![false; kernel.len()];
    let mut lines = Vec::new();
    for route in routes {
        let at = by_key.get_mut(&key(route)).and_then(VecDeque::pop_front);
        let is_repeated = at.is_some_and(|at| std::mem::replace(&mut is_written[at], true));
        if !is_repeated {
            lines.push(line6(route, at.map(|at| &kernel[at])));
        }
    }
    lines
}

/// How many routes of IPv6 rtnetlink's answer lacks: up to 6.18 at least, one that is too long for a datagram ends the
/// answer without an error (`inet6_dump_fib`, net/ipv6/ip6_fib.c).
pub fn lacking(lines: &[Line]) -> usize {
    // /proc shows the kernel's entry for "no route" too (`fib6_null_entry`), which is not in a table.
    let is_null_entry =
        |line: &Line| line.metric == u32::MAX && line.prefix_len == 0 && line.flags.starts_with('!');
    lines.iter().filter(|line| line.table.is_none() && !is_null_entry(line)).count()
}

fn line6(route: &Route6, kernel: Option<&KernelRoute>) -> Line {
    let details = kernel.map(Details::of);
    let tcp = kernel.map(|kernel| kernel.tcp);
    let has_source = route.source_prefix_length > 0;
    Line {
        kind: "route",
        family: "ipv6",
        destination: route.destination.into(),
        prefix_len: route.prefix_length,
        gateway: Some(route.next_hop).filter(|addr| !addr.is_unspecified()).map(IpAddr::V6),
        flags: flags::inet6(route.flags),
        metric: route.metric,
        mss: tcp.and_then(|tcp| set(tcp.shown_mss())),
        window: tcp.and_then(|tcp| set(tcp.window)),
        irtt: tcp.and_then(|tcp| set(tcp.shown_rtt())),
        interface: name(route.interface),
        route_type: details.as_ref().map(|details| details.kind),
        table: details.as_ref().map(|details| details.table),
        source: has_source.then_some(route.source.into()),
        source_prefix_len: has_source.then_some(route.source_prefix_length),
        next_hops: details.as_ref().and_then(hops),
        nexthop_id: details.as_ref().and_then(|details| details.nexthop_id),
        tos: details.map(|details| details.tos),
    }
}

/// None for 0, which says that the value isn't set.
fn set(value: u32) -> Option<u32> {
    Some(value).filter(|value| *value != 0)
}

fn key(route: &Route6) -> Key {
    let Route6 {
        destination, prefix_length, source, source_prefix_length, next_hop, metric, interface, ..
    } = *route;
    (
        (destination.into(), prefix_length),
        (source.into(), source_prefix_length),
        next_hop.into(),
        metric,
        interface,
    )
}

fn keys(route: &KernelRoute) -> impl Iterator<Item = Key> {
    let any = IpAddr::from([0_u16; 8]);
    let (source, source_prefix_len) = route.source.unwrap_or((any, 0));
    route.next_hops.iter().flatten().map(move |hop| {
        (
            (route.destination, route.prefix_len.into()),
            (source, source_prefix_len.into()),
            hop.gateway.unwrap_or(any),
            route.metric,
            hop.interface,
        )
    })
}

fn hops(details: &Details) -> Option<Vec<Hop>> {
    let hop =
        |hop: &NextHop| Hop { gateway: hop.gateway, interface: name(hop.interface), weight: hop.weight };
    Some(details.next_hops.as_ref()?.iter().map(hop).collect())
}

fn name(interface: Option<InterfaceName>) -> Option<String> {
    interface.map(|name| text::from_bytes(name.as_bytes()).into_owned())
}
