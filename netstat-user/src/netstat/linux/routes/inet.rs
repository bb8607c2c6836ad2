//! IPv4's routing table: /proc/net/route (`fib_route_seq_show`, net/ipv4/fib_trie.c).

use std::{fs, net::Ipv4Addr};

use anyhow::{Context as _, Result};

use super::{flags, networks::Networks};
use crate::{
    netstat::linux::{names::Names, print::Page},
    readers::proc_net,
};

/// As many characters of a name as netstat shows.
const NAME_SHOWN: usize = 15;

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The destination network or host.
    pub destination: Ipv4Addr,
    /// The next hop; 0.0.0.0 if the destination is on the link.
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
    /// The outgoing interface; `*` for a reject route.
    pub interface: String,
}

/// Reads the routes that are up.
pub fn read() -> Result<Vec<Route>> {
    let path = proc_net::own("route");
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    Ok(text.lines().skip(1).filter_map(route).filter(|route| flags::is_up(route.flags)).collect())
}

/// Parses a line: interface, destination, gateway, flags, references, uses, metric, mask, MSS, window, IRTT.
fn route(line: &str) -> Option<Route> {
    let mut words = line.split_whitespace();
    let interface = words.next()?.to_owned();
    let mut hex = || u32::from_str_radix(words.next()?, 16).ok();
    let (destination, gateway, flags) = (hex()?, hex()?, hex()?);
    // The kernel writes the metric as a signed number.
    let mut decimal = || words.next()?.parse::<i64>().ok().map(|number| number as u32);
    let (references, uses, metric) = (decimal()?, decimal()?, decimal()?);
    let mask = u32::from_str_radix(words.next()?, 16).ok()?;
    let mut decimal = || words.next()?.parse().ok();
    let (mss, window, irtt) = (decimal()?, decimal()?, decimal()?);
    let [destination, gateway, mask] =
        [destination, gateway, mask].map(|word| Ipv4Addr::from(word.to_ne_bytes()));
    Some(Route { destination, gateway, mask, flags, references, uses, metric, mss, window, irtt, interface })
}

/// Appends the table. `extended`, the number of `-e` options, selects the columns.
pub fn text(page: &mut Page, routes: &[Route], extended: u8, names: &Names) {
    page.text("Kernel IP routing table\nDestination     Gateway         Genmask         ");
    page.text(match extended {
        0 => "Flags   MSS Window  irtt Iface\n",
        1 => "Flags Metric Ref    Use Iface\n",
        _ => "Flags Metric Ref    Use Iface    MSS   Window irtt\n",
    });
    let networks = if names.resolves_hosts() { Networks::read() } else { Networks::default() };
    for route in routes {
        line(page, route, extended, names, &networks);
    }
}

fn line(page: &mut Page, route: &Route, extended: u8, names: &Names, networks: &Networks) {
    let Route { metric, references, uses, mss, window, irtt, interface, .. } = route;
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

fn destination(route: &Route, names: &Names, networks: &Networks) -> String {
    let Route { destination, mask, .. } = route;
    if !names.resolves_hosts() {
        return destination.to_string();
    }
    if destination.is_unspecified() {
        return if mask.is_unspecified() { "default".to_owned() } else { destination.to_string() };
    }
    let is_host = flags::is_host(route.flags) || u32::from(*destination) & !u32::from(*mask) != 0;
    if is_host { host(*destination, names) } else { named(networks.name(*destination), *destination) }
}

fn host(addr: Ipv4Addr, names: &Names) -> String {
    named(names.host(addr.into()), addr)
}

fn named(name: Option<&str>, addr: Ipv4Addr) -> String {
    name.map_or_else(|| addr.to_string(), |name| name.chars().take(NAME_SHOWN).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netstat::linux::options::Numeric;

    const LINE: &str = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0   ";

    fn shown(line: &str, extended: u8) -> String {
        let names = Names::new(Numeric { hosts: true, ports: true, users: true });
        let mut page = Page::default();
        text(&mut page, &[route(line).unwrap()], extended, &names);
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
    fn a_truncated_line_is_skipped() {
        assert_eq!(route("eth0\t00000000\t0102A8C0\t0003\t0\t0"), None);
        assert_eq!(route(""), None);
    }
}
