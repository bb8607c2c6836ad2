//! `--local`, `--remote`, `--addr`: addresses and networks.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::values::ValueSet;
use crate::model::Family;

/// Networks; a single address is a network of full prefix length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSet(Vec<IpNet>);

/// Parses `10.0.0.5`, `10.0.0.0/8`, `::1` or `2001:db8::/32`. Host bits may be set, and an IPv4-mapped IPv6 network
/// (`::ffff:10.0.0.0/104`) becomes an IPv4 network.
///
/// # Errors
/// One line that says what is wrong with the text.
pub fn parse_network(text: &str) -> Result<IpNet, String> {
    let (addr, prefix) = match text.split_once('/') {
        Some((addr, prefix)) => (addr, Some(prefix)),
        None => (text, None),
    };
    let addr: IpAddr = addr.parse().map_err(|_| {
        format!("{addr:?} is no IP address: say one like 10.0.0.5 or ::1, or a network like 10.0.0.0/8")
    })?;
    let longest = if addr.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        None => longest,
        Some(prefix) => prefix.parse().ok().filter(|length| *length <= longest).ok_or_else(|| {
            let version = if addr.is_ipv4() { "IPv4" } else { "IPv6" };
            format!("{prefix:?} is no prefix length: in {version} it is a number from 0 to {longest}")
        })?,
    };
    let network = IpNet::new(addr, prefix).map_err(|error| error.to_string())?;
    Ok(canonical(network).trunc())
}

/// The IPv4 network for an IPv4-mapped one.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(addr), Some(prefix)) => Ipv4Net::new(addr, prefix).map_or(network, IpNet::V4),
        _ => network,
    }
}

impl FromIterator<IpNet> for NetworkSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl ValueSet for NetworkSet {
    type Value = IpAddr;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, addr: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&addr))
    }
}

impl NetworkSet {
    /// Whether a connection of the family can match.
    pub(super) fn allows(&self, family: Family) -> bool {
        self.is_empty() || self.0.iter().any(|network| family_of(network) == family)
    }

    /// The option with its first value, as a user writes it; None if the option was not given.
    pub(super) fn option_text(&self, name: &str) -> Option<String> {
        let first = self.0.first()?;
        Some(if first.prefix_len() == first.max_prefix_len() {
            format!("{name} {}", first.addr())
        } else {
            format!("{name} {first}")
        })
    }
}

fn family_of(network: &IpNet) -> Family {
    match network {
        IpNet::V4(_) => Family::Ipv4,
        IpNet::V6(_) => Family::Ipv6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        parse_network(text).map_or_else(|error| error, |network| network.to_string())
    }

    #[test]
    fn addresses_and_networks_are_parsed() {
        for (text, network) in [
            ("10.0.0.5", "10.0.0.5/32"),
            ("10.0.0.5/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::1", "::1/128"),
            ("2001:db8::7/32", "2001:db8::/32"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(read(text), network, "{text}");
        }
    }

    #[test]
    fn ipv4_mapped_means_ipv4() {
        assert_eq!(read("::ffff:10.0.0.1"), "10.0.0.1/32");
        assert_eq!(read("::ffff:10.0.0.0/104"), "10.0.0.0/8");
        assert_eq!(read("::ffff:0:0/96"), "0.0.0.0/0");
        assert_eq!(read("::ffff:0:0/95"), "::fffe:0:0/95");
    }

    #[test]
    fn the_error_names_the_text_that_is_no_network() {
        for (text, named) in [
            ("10.0.0.0/33", "\"33\" is no prefix length: in IPv4"),
            ("::/129", "\"129\" is no prefix length: in IPv6"),
            ("10.0.0.0/", "\"\" is no prefix length"),
            ("10.0.0.0/-1", "\"-1\" is no prefix length"),
            ("10.0.0", "\"10.0.0\" is no IP address"),
            ("localhost", "\"localhost\" is no IP address"),
            ("fe80::1%eth0", "\"fe80::1%eth0\" is no IP address"),
            ("", "\"\" is no IP address"),
        ] {
            let error = read(text);
            assert!(error.contains(named), "{text}: {error}");
            assert!(!error.contains('\n'));
        }
    }

    #[test]
    fn an_address_matches_one_of_the_networks() {
        let networks: NetworkSet = ["10.0.0.0/8", "::ffff:192.168.0.0/112", "::1"]
            .iter()
            .map(|text| parse_network(text).unwrap())
            .collect();
        for (addr, expected) in
            [("10.255.0.1", true), ("11.0.0.1", false), ("192.168.3.4", true), ("::1", true), ("::2", false)]
        {
            assert_eq!(networks.contains(addr.parse().unwrap()), expected, "{addr}");
        }
    }
}
