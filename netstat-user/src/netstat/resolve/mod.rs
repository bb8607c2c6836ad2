//! Names for addresses, ports and users, each asked for once.

mod hosts;
mod networks;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use rustc_hash::FxHashMap;

use self::hosts::Hosts;
use super::{request::Numeric, socket::Transport};

pub use networks::Networks;

/// The names that are known, and the means to learn more.
pub struct Names {
    numeric: Numeric,
    hosts: Hosts,
    services: FxHashMap<(u16, Transport), Option<String>>,
    protocols: Option<Vec<(u16, String)>>,
    users: FxHashMap<u32, Option<String>>,
}

impl Names {
    /// Knows nothing yet.
    pub fn new(numeric: Numeric) -> Self {
        Self {
            numeric,
            hosts: Hosts::default(),
            services: FxHashMap::default(),
            protocols: None,
            users: FxHashMap::default(),
        }
    }

    /// Asks for the names of these addresses, all at once, and waits until they are known, or for as long as
    /// a person waits: what is not known by then is shown as a number.
    pub fn prepare(&mut self, addrs: impl Iterator<Item = IpAddr>) {
        if !self.numeric.hosts {
            self.hosts.ask(addrs.map(|addr| addr.to_canonical()).filter(|addr| !addr.is_unspecified()));
        }
    }

    /// Whether addresses are shown by name.
    pub fn resolves_hosts(&self) -> bool {
        !self.numeric.hosts
    }

    /// The address's name, if [`Self::prepare`] has found one.
    pub fn host(&self, addr: IpAddr) -> Option<&str> {
        self.hosts.name(addr.to_canonical())
    }

    /// The name of a port, or of a protocol above IP.
    pub fn service(&mut self, port: u16, transport: Transport) -> Option<&str> {
        if self.numeric.ports {
            return None;
        }
        if transport == Transport::Raw {
            let protocols = self.protocols.get_or_insert_with(protocols);
            return protocols.iter().find(|(number, _)| *number == port).map(|(_, name)| name.as_str());
        }
        self.services.entry((port, transport)).or_insert_with(|| service(port, transport)).as_deref()
    }

    /// A user's name.
    pub fn user(&mut self, uid: u32) -> Option<&str> {
        if self.numeric.users {
            return None;
        }
        let find = || nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name);
        self.users.entry(uid).or_insert_with(|| find().filter(|name| is_harmless(name))).as_deref()
    }
}

fn service(port: u16, transport: Transport) -> Option<String> {
    let datagrams = if transport == Transport::Tcp { 0 } else { libc::NI_DGRAM };
    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let (_, name) = dns_lookup::getnameinfo(&anywhere, libc::NI_NUMERICHOST | datagrams).ok()?;
    Some(name).filter(|name| name.parse::<u16>().is_err() && is_harmless(name))
}

/// /etc/protocols (protocols(5)): name, number, aliases.
fn protocols() -> Vec<(u16, String)> {
    let text = std::fs::read_to_string("/etc/protocols").unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let name = words.next()?.to_owned();
        Some((words.next()?.parse().ok()?, name))
    };
    text.lines().filter_map(line).filter(|(_, name)| is_harmless(name)).collect()
}

/// Whether a name, which others have chosen, shows as one word and nothing else.
fn is_harmless(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_numbers_gets_no_names() {
        let mut names = Names::new(Numeric { hosts: true, ports: true, users: true });
        names.prepare([IpAddr::from([127, 0, 0, 1])].into_iter());
        assert_eq!(names.host(IpAddr::from([127, 0, 0, 1])), None);
        assert_eq!(names.service(80, Transport::Tcp), None);
        assert_eq!(names.user(0), None);
    }

    #[test]
    fn a_user_has_a_name() {
        assert_eq!(Names::new(Numeric::default()).user(0), Some("root"));
    }

    #[test]
    fn a_name_that_could_break_a_column_is_none() {
        for name in ["", "two words", "bell\x07", "ünicode", "line\nbreak"] {
            assert!(!is_harmless(name), "{name:?}");
        }
        assert!(is_harmless("www.example.org"));
    }
}
