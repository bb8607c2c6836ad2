//! Names of addresses, ports and users. Each is looked up once.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::{options::Numeric, socket::Transport};
use crate::netstat::resolve::{Hosts, Kind, Services, is_printable_word};

/// The names that were looked up.
pub struct Names {
    numeric: Numeric,
    hosts: Hosts,
    services: Services,
    protocols: Option<Vec<(u16, String)>>,
    users: FxHashMap<u32, Option<String>>,
}

impl Names {
    /// Without names so far.
    pub fn new(numeric: Numeric) -> Self {
        Self {
            numeric,
            hosts: Hosts::default(),
            services: Services::default(),
            protocols: None,
            users: FxHashMap::default(),
        }
    }

    /// Looks up the names of these addresses, and waits until they are known, but not longer than a person wants to wait.
    /// An address whose name is not known by then is shown as a number.
    pub fn prepare(&mut self, addrs: impl Iterator<Item = IpAddr>) {
        if !self.numeric.hosts {
            self.hosts.resolve(addrs.map(|addr| addr.to_canonical()).filter(|addr| !addr.is_unspecified()));
        }
    }

    /// Whether addresses are shown by name.
    pub fn resolves_hosts(&self) -> bool {
        !self.numeric.hosts
    }

    /// The name of an address, if [`Self::prepare`] found one.
    pub fn host(&self, addr: IpAddr) -> Option<&str> {
        self.hosts.name(addr.to_canonical())
    }

    /// The name of a port, or for [`Transport::Raw`] of a protocol above IP.
    pub fn service(&mut self, port: u16, transport: Transport) -> Option<&str> {
        if self.numeric.ports {
            return None;
        }
        let kind = match transport {
            Transport::Tcp => Kind::Stream,
            Transport::Udp | Transport::UdpLite => Kind::Datagram,
            Transport::Raw => {
                let protocols = self.protocols.get_or_insert_with(protocols);
                return protocols.iter().find(|(number, _)| *number == port).map(|(_, name)| name.as_str());
            }
        };
        self.services.name(port, kind)
    }

    /// The name of a user.
    pub fn user(&mut self, uid: u32) -> Option<&str> {
        if self.numeric.users {
            return None;
        }
        let find = || nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name);
        self.users.entry(uid).or_insert_with(|| find().filter(|name| is_printable_word(name))).as_deref()
    }
}

/// The protocols in /etc/protocols (protocols(5)), whose lines are: name, number, aliases.
fn protocols() -> Vec<(u16, String)> {
    let text = std::fs::read_to_string("/etc/protocols").unwrap_or_default();
    let line = |line: &str| {
        let mut words = line.split('#').next()?.split_whitespace();
        let name = words.next()?.to_owned();
        Some((words.next()?.parse().ok()?, name))
    };
    text.lines().filter_map(line).filter(|(_, name)| is_printable_word(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numeric_options_look_up_no_names() {
        let mut names = Names::new(Numeric { hosts: true, ports: true, users: true });
        names.prepare([IpAddr::from([127, 0, 0, 1])].into_iter());
        assert_eq!(names.host(IpAddr::from([127, 0, 0, 1])), None);
        assert_eq!(names.service(80, Transport::Tcp), None);
        assert_eq!(names.user(0), None);
    }

    #[test]
    fn a_user_id_has_a_name() {
        assert_eq!(Names::new(Numeric::default()).user(0), Some("root"));
    }
}
