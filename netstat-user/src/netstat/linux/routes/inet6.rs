//! IPv6's routing table, as netstat shows it: /proc has flags and numbers of references that rtnetlink lacks.

use std::net::Ipv6Addr;

use super::{flags, route::Route6};
use crate::{
    format::visible,
    netstat::linux::{names::Names, print::Page},
};

/// Appends the table.
pub fn text(page: &mut Page, routes: &[Route6], names: &Names) {
    page.text("Kernel IPv6 routing table\n");
    page.text("Destination                    Next Hop                   Flag Met Ref  Use If\n");
    for route in routes {
        let Route6 { prefix_length, metric, references, uses, interface, .. } = route;
        let interface = interface.map(|name| visible(name.as_bytes())).unwrap_or_default();
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
    use crate::netstat::linux::{options::Numeric, routes::table};

    #[test]
    fn a_route_is_shown_as_netstat_shows_it() {
        let zeros = "0".repeat(32);
        let line = format!("{zeros} 00 {zeros} 00 {zeros} ffffffff 00000001 00000000 00200200       lo");
        let names = Names::new(Numeric { hosts: true, ports: true, users: true });
        let mut page = Page::default();
        text(&mut page, &[table::route6(line.as_bytes()).unwrap()], &names);
        let shown = String::from_utf8(page.into_bytes()).unwrap();
        assert_eq!(
            shown.lines().last(),
            Some("::/0                           ::                         !n   -1  1      0 lo")
        );
    }
}
