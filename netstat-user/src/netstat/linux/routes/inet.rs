//! IPv4's routing table, as netstat shows it, and what more is known.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, Error, Result};

use super::{
    flags,
    networks::Networks,
    route::{Details, Route},
    rtnetlink::KernelRoute,
    table,
};
use crate::{
    format::visible,
    model::InterfaceName,
    netstat::{
        linux::{names::Names, notes::Notes, print::Page},
        resolve::looks_like_an_address,
    },
    readers::netlink::Dump,
};

/// RT_TABLE_MAIN (include/uapi/linux/rtnetlink.h): the one that /proc/net/route shows.
const MAIN_TABLE: u32 = 254;

/// As many characters of a name as netstat shows.
const NAME_SHOWN: usize = 15;
/// The destination of the default route.
const DEFAULT: &str = "default";

/// The routes of the main table that are up: by rtnetlink, else from /proc, which has only the first next hop of each.
///
/// # Errors
/// The kernel shows them neither by rtnetlink nor in /proc: the error has both reasons.
pub fn read(notes: &Notes) -> Result<(Vec<Route>, Option<Error>)> {
    match KernelRoute::all(false) {
        Ok(Dump { entries, is_inconsistent }) => {
            notes.inconsistent("the routes", is_inconsistent);
            Ok((entries.iter().filter_map(listed).collect(), None))
        }
        Err(error) => {
            let routes = table::inet(notes)
                .with_context(|| format!("can't list the routes by rtnetlink ({error:#})"))?;
            Ok((routes, Some(error)))
        }
    }
}

/// The route as /proc/net/route shows it; None if it doesn't (`fib_route_seq_show`, net/ipv4/fib_trie.c).
fn listed(route: &KernelRoute) -> Option<Route> {
    let KernelRoute { destination, prefix_len, table, metric, tcp, .. } = *route;
    let IpAddr::V4(destination) = destination else { return None };
    if table != MAIN_TABLE || matches!(route.kind, libc::RTN_BROADCAST | libc::RTN_MULTICAST) {
        return None;
    }
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix_len)).unwrap_or(0);
    let first = route.next_hops.as_ref().and_then(|hops| hops.first());
    let gateway = first.and_then(|hop| hop.gateway);
    // For a gateway of IPv6 the kernel tests only its first four bytes (`fib_flags_trans`).
    let has_gateway = match gateway {
        Some(IpAddr::V4(_)) => true,
        Some(IpAddr::V6(v6)) => v6.octets()[..4] != [0; 4],
        None => false,
    };
    let is_rejected = matches!(route.kind, libc::RTN_UNREACHABLE | libc::RTN_PROHIBIT);
    Some(Route {
        destination,
        gateway: match gateway {
            Some(IpAddr::V4(gateway)) => gateway,
            _ => Ipv4Addr::UNSPECIFIED,
        },
        mask: mask.into(),
        flags: flags::of_inet(has_gateway, mask == u32::MAX, is_rejected),
        references: 0,
        uses: 0,
        metric,
        mss: tcp.shown_mss(),
        window: tcp.window,
        irtt: tcp.shown_rtt(),
        interface: first.and_then(|hop| hop.interface),
        details: Some(Details::of(route)),
    })
}

/// Appends the table. `extended`, the number of `-e` options, selects the columns.
pub fn text(page: &mut Page, routes: &[Route], extended: u8, names: &Names, notes: &Notes) {
    page.text("Kernel IP routing table\nDestination     Gateway         Genmask         ");
    page.text(match extended {
        0 => "Flags   MSS Window  irtt Iface\n",
        1 => "Flags Metric Ref    Use Iface\n",
        _ => "Flags Metric Ref    Use Iface    MSS   Window irtt\n",
    });
    let networks = if names.resolves_hosts() { Networks::read(notes) } else { Networks::default() };
    for route in routes {
        line(page, route, extended, names, &networks);
    }
}

fn line(page: &mut Page, route: &Route, extended: u8, names: &Names, networks: &Networks) {
    let Route { metric, references, uses, mss, window, irtt, interface, .. } = route;
    let interface = shown(*interface);
    let destination = destination(route, names, networks);
    let mask = route.mask;
    let flags = flags::inet(route.flags);
    let is_reject = flags::is_reject(route.flags);
    let gateway = if is_reject { "-".to_owned() } else { host(route.gateway, names) };
    // A width in a format string has no effect on an address.
    page.text(&format!("{destination:<15.15} {gateway:<15.15} {:<15} {flags:<5} ", mask.to_string()));
    let metric = *metric as i32;
    page.text(&match (extended, is_reject) {
        (0, false) => format!("{mss:>5} {window:<5} {irtt:>6} {interface}\n"),
        (0, true) => "    - -          - -\n".to_owned(),
        (1, false) => format!("{metric:<6} {references:<2} {uses:>7} {interface}\n"),
        (1, true) => format!("{metric:<6} -  {uses:>7} -\n"),
        (_, false) => {
            format!("{metric:<6} {references:<3} {uses:>6} {interface:<6.6}   {mss:<5} {window:<6} {irtt}\n")
        }
        (_, true) => format!("{metric:<6} -  {uses:>7} -        -     -      -\n"),
    });
}

/// An interface; `*` if there is none. One whose name is `*` is written with an escape.
fn shown(interface: Option<InterfaceName>) -> String {
    match interface.as_ref().map(InterfaceName::as_bytes) {
        None => "*".to_owned(),
        Some(b"*") => "\\u{2a}".to_owned(),
        Some(name) => visible(name),
    }
}

fn destination(route: &Route, names: &Names, networks: &Networks) -> String {
    let Route { destination, mask, .. } = route;
    if !names.resolves_hosts() {
        return destination.to_string();
    }
    if destination.is_unspecified() {
        return if mask.is_unspecified() { DEFAULT.to_owned() } else { destination.to_string() };
    }
    let is_host = flags::is_host(route.flags) || u32::from(*destination) & !u32::from(*mask) != 0;
    if is_host { host(*destination, names) } else { named(networks.name(*destination), *destination) }
}

fn host(addr: Ipv4Addr, names: &Names) -> String {
    named(names.host(addr.into()), addr)
}

/// The name as far as it is shown. If that looks like another address, or like the default route, the address is shown.
fn named(name: Option<&str>, addr: Ipv4Addr) -> String {
    let end = |name: &str| name.char_indices().nth(NAME_SHOWN).map_or(name.len(), |(end, _)| end);
    let shown = name.map(|name| &name[..end(name)]);
    let is_clear = |shown: &&str| !looks_like_an_address(shown) && *shown != DEFAULT;
    shown.filter(is_clear).map_or_else(|| addr.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netstat::linux::{
        options::Numeric,
        routes::{next_hop::NextHop, rtnetlink::TcpMetrics},
    };

    const LINE: &str = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0   ";

    fn shown(line: &str, extended: u8) -> String {
        let names = Names::new(Numeric { hosts: true, ports: true, users: true });
        let mut page = Page::default();
        let route = table::route(line.as_bytes()).unwrap();
        text(&mut page, &[route], extended, &names, &Notes::default());
        let text = String::from_utf8(page.into_bytes()).unwrap();
        text.lines().last().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_route_is_shown_as_netstat_shows_it() {
        for (line, extended, expected) in [
            (LINE, 0, "0.0.0.0         192.168.2.1     0.0.0.0         UG        0 0          0 eth0"),
            (LINE, 1, "0.0.0.0         192.168.2.1     0.0.0.0         UG    100    0        0 eth0"),
            (
                LINE,
                2,
                "0.0.0.0         192.168.2.1     0.0.0.0         UG    100    0        0 eth0     0     0      0",
            ),
            (
                "*\t0100000A\t00000000\t0205\t0\t0\t0\tFFFFFFFF\t0\t0\t0",
                0,
                "10.0.0.1        -               255.255.255.255 !H        - -          - -",
            ),
        ] {
            assert_eq!(shown(line, extended), expected);
        }
    }

    #[test]
    fn a_name_that_is_cut_off_is_shown_unless_it_looks_like_another_address() {
        let addr = Ipv4Addr::new(203, 0, 113, 7);
        for (name, shown) in [
            ("gw", "gw"),
            ("gateway-1.example.org", "gateway-1.examp"),
            ("käse-käse-käse-käse", "käse-käse-käse-"),
            ("192.168.100.200.example.org", "203.0.113.7"),
            ("192.168.10.200.-.example.org", "203.0.113.7"),
            ("default", "203.0.113.7"),
        ] {
            assert_eq!(named(Some(name), addr), shown);
        }
    }

    #[test]
    fn an_interface_can_t_be_taken_for_none() {
        let names = [&b"*"[..], b"**", b"\\u{2a}"].map(|name| super::shown(InterfaceName::new(name)));
        assert_eq!(names, ["\\u{2a}", "**", "\\x5cu{2a}"]);
        assert_eq!(super::shown(None), "*");
    }

    #[test]
    fn a_route_by_rtnetlink_is_that_of_proc() {
        let hop = |gateway: &str| NextHop {
            gateway: Some(gateway.parse().unwrap()),
            index: 2,
            interface: InterfaceName::new(b"eth0"),
            weight: 1,
        };
        let route = KernelRoute {
            destination: [10, 0, 0, 0].into(),
            prefix_len: 8,
            source: None,
            tos: 0,
            kind: libc::RTN_UNICAST,
            table: MAIN_TABLE,
            metric: 100,
            tcp: TcpMetrics { advertised_mss: 1460, window: 0, rtt: 80 },
            next_hops: Some(vec![hop("fe80::1"), hop("10.0.0.2")]),
            nexthop_id: None,
        };
        let shown = listed(&route).unwrap();
        assert_eq!((shown.mask, shown.gateway), ([255, 0, 0, 0].into(), Ipv4Addr::UNSPECIFIED));
        assert_eq!((flags::inet(shown.flags), shown.mss, shown.irtt), ("UG".to_owned(), 1500, 10));
        assert_eq!(shown.details.unwrap().next_hops, route.next_hops);
        let default = listed(&KernelRoute { prefix_len: 0, ..route.clone() }).unwrap();
        assert_eq!(default.mask, Ipv4Addr::UNSPECIFIED);
        let rejected = KernelRoute { kind: libc::RTN_PROHIBIT, next_hops: Some(vec![]), ..route.clone() };
        assert_eq!(flags::inet(listed(&KernelRoute { prefix_len: 32, ..rejected }).unwrap().flags), "!H");
        assert_eq!(listed(&KernelRoute { table: 255, ..route.clone() }), None);
        assert_eq!(listed(&KernelRoute { kind: libc::RTN_BROADCAST, ..route }), None);
    }
}
