//! IPv6's routing table: /proc/net/ipv6_route (`rt6_info_route`, net/ipv6/route.c).

use std::{fs, net::Ipv6Addr};

use anyhow::{Context as _, Result};

use super::flags;
use crate::{
    netstat::linux::{names::Names, print::Page},
    readers::proc_net,
};

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route6 {
    /// The destination network or host.
    pub destination: Ipv6Addr,
    /// The length of its prefix, in bits.
    pub prefix_length: u32,
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
    /// The outgoing interface.
    pub interface: String,
}

/// Reads the routes, without the cached ones.
///
/// # Errors
/// The file can't be read, as on a host without IPv6.
pub fn read() -> Result<Vec<Route6>> {
    let path = proc_net::own("ipv6_route");
    let text = fs::read_to_string(&path)
        .with_context(|| format!("can't read {}: is IPv6 switched off?", path.display()))?;
    Ok(text.lines().filter_map(route).filter(|route| !flags::is_cached(route.flags)).collect())
}

/// Parses a line: destination, its prefix, source, its prefix, next hop, metric, references, uses, flags, interface.
fn route(line: &str) -> Option<Route6> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[destination, prefix_length, _, _, next_hop, metric, references, uses, flags, interface] =
        words.as_slice()
    else {
        return None;
    };
    let addr = |word: &str| {
        (word.len() == 32).then(|| u128::from_str_radix(word, 16).ok().map(Ipv6Addr::from)).flatten()
    };
    let hex = |word: &str| u32::from_str_radix(word, 16).ok();
    Some(Route6 {
        destination: addr(destination)?,
        prefix_length: hex(prefix_length)?,
        next_hop: addr(next_hop)?,
        metric: hex(metric)?,
        references: hex(references)?,
        uses: hex(uses)?,
        flags: hex(flags)?,
        interface: interface.to_owned(),
    })
}

/// Appends the table.
pub fn text(page: &mut Page, routes: &[Route6], names: &Names) {
    page.text("Kernel IPv6 routing table\n");
    page.text("Destination                    Next Hop                   Flag Met Ref  Use If\n");
    for route in routes {
        let Route6 { prefix_length, metric, references, uses, interface, .. } = route;
        let destination = format!("{}/{prefix_length}", host(route.destination, names));
        let next_hop = host(route.next_hop, names);
        let flags = flags::inet6(route.flags);
        // Signed, as in netstat, which shows the metric 0xffffffff of a reject route as -1.
        let [metric, references, uses] = [*metric, *references, *uses].map(u32::cast_signed);
        page.text(&format!(
            "{destination:<30} {next_hop:<26} {flags:<4} {metric:<3} {references:<1} {uses:>6} {interface}\n"
        ));
    }
}

fn host(addr: Ipv6Addr, names: &Names) -> String {
    match names.host(addr.into()) {
        Some(name) => name.to_owned(),
        None if addr.is_unspecified() && names.resolves_hosts() => "[::]".to_owned(),
        None => addr.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netstat::linux::options::Numeric;

    #[test]
    fn a_route_is_shown_as_netstat_shows_it() {
        let zeros = "0".repeat(32);
        let line = format!("{zeros} 00 {zeros} 00 {zeros} ffffffff 00000001 00000000 00200200       lo");
        let names = Names::new(Numeric { hosts: true, ports: true, users: true });
        let mut page = Page::default();
        text(&mut page, &[route(&line).unwrap()], &names);
        let shown = String::from_utf8(page.into_bytes()).unwrap();
        assert_eq!(
            shown.lines().last(),
            Some("::/0                           ::                         !n   -1  1      0 lo")
        );
    }

    #[test]
    fn a_truncated_line_is_skipped() {
        assert_eq!(route("fd00"), None);
        assert_eq!(route("00 00 00 00 00 00 00 00 00 lo"), None);
    }
}
