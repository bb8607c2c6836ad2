//! Names of networks: /etc/networks (networks(5)).

use std::{net::Ipv4Addr, path::Path};

use crate::netstat::linux::{name_file::NameFile, notes::Notes};

const PATH: &str = "/etc/networks";

/// The networks that have a name, by their address.
#[derive(Debug, Default)]
pub struct Networks(NameFile<Ipv4Addr>);

impl Networks {
    /// Reads /etc/networks; without the file, no network has a name.
    pub fn read(notes: &Notes) -> Self {
        let file = NameFile::read(Path::new(PATH), address);
        notes.lines_lost(Path::new(PATH), file.lost());
        Self(file)
    }

    /// The name of a network.
    pub fn name(&self, network: Ipv4Addr) -> Option<&str> {
        self.0.name(&network)
    }
}

/// Parses an address whose trailing zeros may be omitted: `10.1` is 10.1.0.0. A number with a leading zero is none: some
/// programs take it for octal.
fn address(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let parts: Vec<&str> = text.split('.').collect();
    for (octet, part) in octets.get_mut(..parts.len())?.iter_mut().zip(parts) {
        *octet = part.parse().ok().filter(|_| part == "0" || !part.starts_with(['0', '+']))?;
    }
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_s_name_is_found_by_its_address() {
        let text = b"default 0.0.0.0\n# none\nlink-local 169.254.0.0 alias\nlab 10.1\nbad 1.2.3.4.5\noctal 012.5\nsign +13.5\n";
        let networks = Networks(NameFile::parse(text, address));
        assert_eq!(networks.name([169, 254, 0, 0].into()), Some("link-local"));
        assert_eq!(networks.name([10, 1, 0, 0].into()), Some("lab"));
        for unnamed in [[1, 2, 3, 4], [12, 5, 0, 0], [10, 5, 0, 0], [13, 5, 0, 0]] {
            assert_eq!(networks.name(unnamed.into()), None, "{unnamed:?}");
        }
    }
}
