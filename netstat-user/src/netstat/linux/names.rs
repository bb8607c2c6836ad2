//! Names of addresses, ports and users. Each is looked up once.

use std::{net::IpAddr, path::Path};

use rustc_hash::FxHashMap;

use super::{name_file::NameFile, notes::Notes, options::Numeric, socket::Transport};
use crate::netstat::resolve::{Hosts, Kind, Services, is_printable_word};

/// The protocols above IP (protocols(5)).
const PROTOCOLS: &str = "/etc/protocols";

/// The names that were looked up.
pub struct Names {
    numeric: Numeric,
    hosts: Hosts,
    services: Services,
    protocols: Option<NameFile<u16>>,
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
                let read = || NameFile::read(Path::new(PROTOCOLS), |number| number.parse().ok());
                return self.protocols.get_or_insert_with(read).name(&port);
            }
        };
        self.services.name(port, kind)
    }

    /// Notes the names that can't be shown.
    pub fn note_unusable(&self, notes: &Notes) {
        for (count, of) in [(self.hosts.unusable(), "host"), (self.services.unusable(), "port")] {
            let why = "no printable ASCII, or like an address";
            match count {
                0 => {}
                1 => notes.add(format!("1 name of a {of} is {why}: shown as a number")),
                _ => notes.add(format!("{count} names of {of}s are {why}: shown as numbers")),
            }
        }
        if let Some(protocols) = &self.protocols {
            notes.lines_lost(Path::new(PROTOCOLS), protocols.lost());
        }
    }

    /// The name of a user.
    pub fn user(&mut self, uid: u32) -> Option<&str> {
        if self.numeric.users {
            return None;
        }
        let find = || nix::unistd::User::from_uid(uid.into()).ok().flatten().map(|user| user.name);
        self.users.entry(uid).or_insert_with(|| find().filter(|name| is_user_name(name))).as_deref()
    }
}

/// Whether a user's name can be shown: a number would be read as another user's id.
fn is_user_name(name: &str) -> bool {
    is_printable_word(name) && !name.bytes().all(|byte| byte.is_ascii_digit())
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
    fn a_number_is_no_user_s_name() {
        for (name, is_shown) in
            [("0", false), ("1000", false), ("two words", false), ("u0", true), ("_apt", true)]
        {
            assert_eq!(is_user_name(name), is_shown, "{name}");
        }
    }

    #[test]
    fn a_user_id_has_a_name() {
        assert_eq!(Names::new(Numeric::default()).user(0), Some("root"));
    }
}
