//! Names of networks: /etc/networks (networks(5)).

use std::{fs, net::Ipv4Addr};

use crate::netstat::resolve::is_printable_word;

/// The networks that have a name, by their address.
#[derive(Debug, Default)]
pub struct Networks(Vec<(Ipv4Addr, String)>);

impl Networks {
    /// Reads /etc/networks; without the file, no network has a name.
    pub fn read() -> Self {
        Self::parse(&fs::read_to_string("/etc/networks").unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let mut words = line.split('#').next()?.split_whitespace();
            let name = words.next().filter(|name| is_printable_word(name))?.to_owned();
            Some((address(words.next()?)?, name))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// The name of a network.
    pub fn name(&self, network: Ipv4Addr) -> Option<&str> {
        self.0.iter().find(|(addr, _)| *addr == network).map(|(_, name)| name.as_str())
    }
}

/// Parses an address whose trailing zeros may be omitted: `10.1` is 10.1.0.0.
fn address(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let parts: Vec<&str> = text.split('.').collect();
    for (octet, part) in octets.get_mut(..parts.len())?.iter_mut().zip(parts) {
        *octet = part.parse().ok()?;
    }
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_s_name_is_found_by_its_address() {
        let networks = Networks::parse(
            "default 0.0.0.0\n# none\nlink-local 169.254.0.0 alias\nlab 10.1\nbad 1.2.3.4.5\n",
        );
        assert_eq!(networks.name([169, 254, 0, 0].into()), Some("link-local"));
        assert_eq!(networks.name([10, 1, 0, 0].into()), Some("lab"));
        assert_eq!(networks.name([1, 2, 3, 4].into()), None);
    }
}
