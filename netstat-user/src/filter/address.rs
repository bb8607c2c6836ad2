//! `--local`, `--remote`, `--addr`: addresses and networks, link-local ones with their interface.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use ipnet::{IpNet, Ipv4Net};
use netstat_events::text;

use super::values::{Match, ValueSet};
use crate::model::{Family, InterfaceName};

/// An address or network that a user named; a single address is a network of full prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    network: IpNet,
    /// Only this interface's: the same link-local address is another one on each link.
    interface: Option<InterfaceName>,
}

/// The networks that one option lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSet(Vec<Network>);

/// An endpoint's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// The address.
    pub addr: IpAddr,
    /// The interface that the socket is bound to, or that its link-local address belongs to; None if not known.
    pub interface: Option<InterfaceName>,
}

/// Parses `10.0.0.5`, `10.0.0.0/8`, `::1`, `2001:db8::/32`, `fe80::1%eth0` or `fe80::%eth0/64`. Host bits may be set, and
/// an IPv4-mapped IPv6 network (`::ffff:10.0.0.0/104`) becomes an IPv4 network. An interface is named as in JSON.
///
/// # Errors
/// One line that says what is wrong with the text.
pub fn parse_network(argument: &str) -> Result<Network, String> {
    // The name of an interface may contain a percent sign, but no slash (`dev_valid_name`, net/core/dev.c).
    let (addr, prefix) = match argument.split_once('/') {
        Some((addr, prefix)) => (addr, Some(prefix)),
        None => (argument, None),
    };
    let (addr, zone) = match addr.split_once('%') {
        Some((addr, zone)) => (addr, Some(zone)),
        None => (addr, None),
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
    let interface = match zone {
        None => None,
        Some(_) if !is_link_local(addr) => {
            return Err(format!(
                "{argument:?}: only a link-local address, like fe80::1%eth0, has an interface"
            ));
        }
        Some(zone) => Some(InterfaceName::new(&text::to_bytes(zone)).ok_or_else(|| {
            format!("{zone:?} is no interface: its name has 1 to 15 bytes, as in fe80::1%eth0")
        })?),
    };
    Ok(Network { network: canonical(network).trunc(), interface })
}

/// Whether the address is valid on one link only: fe80::/10 or a multicast address of that scope (RFC 4291, 2.5.6, 2.7).
fn is_link_local(addr: IpAddr) -> bool {
    let is_multicast = |v6: Ipv6Addr| v6.segments()[0] & 0xff0f == 0xff02;
    matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local() || is_multicast(v6))
}

/// The IPv4 network for an IPv4-mapped one.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(addr), Some(prefix)) => Ipv4Net::new(addr, prefix).map_or(network, IpNet::V4),
        _ => network,
    }
}

impl Network {
    fn matches(&self, address: Address) -> Match {
        let in_network = Match::from(self.network.contains(&address.addr));
        let on_link = match (self.interface, address.interface) {
            (None, _) => Match::Yes,
            (Some(_), None) => Match::Unknown,
            (Some(named), Some(interface)) => Match::from(named == interface),
        };
        in_network.and(on_link)
    }

    fn family(&self) -> Family {
        match self.network {
            IpNet::V4(_) => Family::Ipv4,
            IpNet::V6(_) => Family::Ipv6,
        }
    }
}

/// As a user writes it.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, interface } = self;
        write!(f, "{}", network.addr())?;
        if let Some(interface) = interface {
            write!(f, "%{}", interface.as_bytes().escape_ascii())?;
        }
        if network.prefix_len() == network.max_prefix_len() {
            return Ok(());
        }
        write!(f, "/{}", network.prefix_len())
    }
}

impl FromIterator<Network> for NetworkSet {
    fn from_iter<I: IntoIterator<Item = Network>>(networks: I) -> Self {
        Self(networks.into_iter().collect())
    }
}

impl ValueSet for NetworkSet {
    type Value = Address;

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, address: Address) -> bool {
        self.matches(Some(address)) == Match::Yes
    }

    fn matches(&self, address: Option<Address>) -> Match {
        match address {
            _ if self.is_empty() => Match::Yes,
            Some(address) => self.0.iter().map(|network| network.matches(address)).max().unwrap_or(Match::No),
            None => Match::Unknown,
        }
    }
}

impl NetworkSet {
    /// Whether a connection of the family can match.
    pub(super) fn allows(&self, family: Family) -> bool {
        self.is_empty() || self.0.iter().any(|network| network.family() == family)
    }

    /// Whether one of the networks is an interface's.
    pub(super) fn names_an_interface(&self) -> bool {
        self.0.iter().any(|network| network.interface.is_some())
    }

    /// The option with its first value, as a user writes it; None if the option was not given.
    pub(super) fn option_text(&self, name: &str) -> Option<String> {
        self.0.first().map(|first| format!("{name} {first}"))
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
            ("10.0.0.5", "10.0.0.5"),
            ("10.0.0.5/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("::1", "::1"),
            ("2001:db8::7/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("fe80::1%eth0/64", "fe80::%eth0/64"),
            ("ff02::fb%br-1%2", "ff02::fb%br-1%2"),
        ] {
            assert_eq!(read(text), network, "{text}");
        }
    }

    #[test]
    fn ipv4_mapped_means_ipv4() {
        assert_eq!(read("::ffff:10.0.0.1"), "10.0.0.1");
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
            ("fe80::1/64%eth0", "\"64%eth0\" is no prefix length"),
            ("fe80::1%", "\"\" is no interface"),
            ("fe80::1%sixteen-bytes-xx", "\"sixteen-bytes-xx\" is no interface"),
            ("2001:db8::1%eth0", "only a link-local address"),
            ("10.0.0.1%eth0", "only a link-local address"),
            ("%eth0", "\"\" is no IP address"),
            ("", "\"\" is no IP address"),
        ] {
            let error = read(text);
            assert!(error.contains(named), "{text}: {error}");
            assert!(!error.contains('\n'));
        }
    }

    fn set(networks: &[&str]) -> NetworkSet {
        networks.iter().map(|text| parse_network(text).unwrap()).collect()
    }

    fn on(addr: &str, interface: Option<&str>) -> Address {
        let interface = interface.and_then(|name| InterfaceName::new(name.as_bytes()));
        Address { addr: addr.parse().unwrap(), interface }
    }

    #[test]
    fn an_address_matches_one_of_the_networks() {
        let networks = set(&["10.0.0.0/8", "::ffff:192.168.0.0/112", "::1"]);
        for (addr, expected) in
            [("10.255.0.1", true), ("11.0.0.1", false), ("192.168.3.4", true), ("::1", true), ("::2", false)]
        {
            assert_eq!(networks.contains(on(addr, Some("eth0"))), expected, "{addr}");
            assert_eq!(networks.contains(on(addr, None)), expected, "{addr}");
        }
    }

    #[test]
    fn a_link_local_address_with_an_interface_matches_on_that_link_only() {
        let networks = set(&["fe80::1%d0", "fe80::%d1/64"]);
        for (addr, interface, expected) in [
            ("fe80::1", Some("d0"), Match::Yes),
            ("fe80::2", Some("d0"), Match::No),
            ("fe80::2", Some("d1"), Match::Yes),
            ("fe80::1", Some("d2"), Match::No),
            ("fe80::1", None, Match::Unknown),
            ("fe81::1", None, Match::No),
        ] {
            assert_eq!(networks.matches(Some(on(addr, interface))), expected, "{addr} {interface:?}");
        }
        let bytes = Address { addr: "fe80::1".parse().unwrap(), interface: InterfaceName::new(b"ab\xffcd") };
        assert!(set(&["fe80::1%ab\u{efff}cd"]).contains(bytes) && set(&["fe80::1"]).contains(bytes));
        assert_eq!(networks.matches(None), Match::Unknown);
    }
}
