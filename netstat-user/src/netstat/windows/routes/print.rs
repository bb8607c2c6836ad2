//! The page of `-r`, in the columns of Windows' netstat.

use std::net::{IpAddr, Ipv4Addr};

use super::{Adapter, Route};
use crate::format::visible;

const RULE: &str = "===========================================================================\n";
/// The width of the destination in the IPv6 table. The gateway of a longer one is on the next line.
const DESTINATION_WIDTH: usize = 24;

/// The whole page: interfaces, IPv4 routes, IPv6 routes.
pub fn page(adapters: &[Adapter], ipv4: &[Route], ipv6: &[Route]) -> Vec<u8> {
    let mut page = String::new();
    page.push_str(RULE);
    page.push_str("Interface List\n");
    for adapter in adapters {
        let Adapter { index, description, .. } = adapter;
        page.push_str(&format!(
            "{index:>3}{}{}\n",
            dotted(&adapter.physical),
            visible(description.as_bytes())
        ));
    }
    page.push_str(RULE);
    page.push_str("\nIPv4 Route Table\n");
    page.push_str(RULE);
    page.push_str("Active Routes:\n");
    page.push_str("Network Destination        Netmask          Gateway       Interface  Metric\n");
    for route in ipv4 {
        let interface = adapters.iter().find(|adapter| adapter.index == route.interface);
        row(&mut page, route, interface.and_then(|adapter| adapter.ipv4));
    }
    page.push_str(RULE);
    page.push_str("\nIPv6 Route Table\n");
    page.push_str(RULE);
    page.push_str("Active Routes:\n");
    page.push_str(" If Metric Network Destination      Gateway\n");
    for route in ipv6 {
        row6(&mut page, route);
    }
    page.push_str(RULE);
    page.into_bytes()
}

/// The link-layer address, with dots around it that fill the column before the description.
fn dotted(physical: &[u8]) -> String {
    let mut text = "...".to_owned();
    for byte in physical {
        text.push_str(&format!("{byte:02x} "));
    }
    format!("{text:.<27}")
}

fn row(page: &mut String, route: &Route, interface: Option<Ipv4Addr>) {
    let mask =
        Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(route.prefix_length.min(32))).unwrap_or(0));
    let gateway = route.gateway.map_or_else(|| "On-link ".to_owned(), |addr| addr.to_string());
    let interface = interface.map_or_else(|| route.interface.to_string(), |addr| addr.to_string());
    let (destination, metric) = (route.destination.to_string(), route.metric);
    page.push_str(&format!(
        "{destination:>17}{:>17}{gateway:>17}{interface:>17}{metric:>7}\n",
        mask.to_string()
    ));
}

fn row6(page: &mut String, route: &Route) {
    let Route { destination, prefix_length, metric, gateway, interface } = route;
    let destination = format!("{destination}/{prefix_length}");
    let gateway = gateway.map_or_else(|| "On-link".to_owned(), |addr: IpAddr| addr.to_string());
    page.push_str(&format!("{interface:>3} {metric:>6} "));
    if destination.len() > DESTINATION_WIDTH {
        page.push_str(&format!("{destination}\n{:36}{gateway}\n", ""));
    } else {
        page.push_str(&format!("{destination:<DESTINATION_WIDTH$} {gateway}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(index: u32, description: &str, physical: &[u8], ipv4: [u8; 4]) -> Adapter {
        Adapter {
            index,
            description: description.to_owned(),
            physical: physical.to_vec(),
            ipv4: Some(ipv4.into()),
            metric: 0,
            metric6: 0,
        }
    }

    fn route(network: &str, gateway: Option<&str>, interface: u32, metric: u32) -> Route {
        let (destination, prefix_length) = network.split_once('/').unwrap();
        Route {
            destination: destination.parse().unwrap(),
            prefix_length: prefix_length.parse().unwrap(),
            metric,
            gateway: gateway.map(|addr| addr.parse().unwrap()),
            interface,
        }
    }

    #[test]
    fn the_route_tables_have_the_columns_of_windows_netstat() {
        let adapters = [
            adapter(2, "vmxnet3 Ethernet Adapter", &[0, 0x50, 0x56, 0x86, 0xeb, 0x27], [172, 16, 152, 12]),
            adapter(1, "Software Loopback Interface 1", &[], [127, 0, 0, 1]),
        ];
        let ipv4 = [route("0.0.0.0/0", Some("172.16.152.254"), 2, 16), route("127.0.0.0/8", None, 1, 331)];
        let ipv6 = [
            route("::1/128", None, 1, 331),
            route("2001:0:4136:e38c:2c6c:670:3f57:fe91/128", Some("fe80::1"), 2, 266),
        ];
        let text = String::from_utf8(page(&adapters, &ipv4, &ipv6)).unwrap();
        assert_eq!(
            text.replace(RULE, "=\n"),
            "=\nInterface List\n\
             \x20 2...00 50 56 86 eb 27 ......vmxnet3 Ethernet Adapter\n\
             \x20 1...........................Software Loopback Interface 1\n=\n\n\
             IPv4 Route Table\n=\nActive Routes:\n\
             Network Destination        Netmask          Gateway       Interface  Metric\n\
             \x20         0.0.0.0          0.0.0.0   172.16.152.254    172.16.152.12     16\n\
             \x20       127.0.0.0        255.0.0.0         On-link         127.0.0.1    331\n=\n\n\
             IPv6 Route Table\n=\nActive Routes:\n\
             \x20If Metric Network Destination      Gateway\n\
             \x20 1    331 ::1/128                  On-link\n\
             \x20 2    266 2001:0:4136:e38c:2c6c:670:3f57:fe91/128\n\
             \x20                                   fe80::1\n=\n"
        );
    }
}
