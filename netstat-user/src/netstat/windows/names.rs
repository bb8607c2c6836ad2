//! Names of other ends, as Windows' netstat shows them.

use std::net::SocketAddr;

use super::{
    options::{SocketOptions, Transport},
    socket::Socket,
};
use crate::netstat::resolve::{Hosts, Kind, Services, is_printable_word};

/// The names that are known, and the means to learn more.
#[derive(Default)]
pub struct Names {
    hosts: Hosts,
    services: Services,
    own: Option<String>,
}

impl Names {
    /// Asks for the names of all other ends at once; what is not known soon is shown as a number.
    pub fn prepare(&mut self, sockets: &[Socket]) {
        self.hosts.resolve(sockets.iter().filter_map(Socket::peer).map(|peer| peer.ip().to_canonical()));
        if self.own.is_none() {
            self.own = dns_lookup::get_hostname().ok().filter(|name| is_printable_word(name));
        }
    }

    /// The other end with names instead of numbers; a listener's is this host.
    pub fn foreign(&mut self, end: SocketAddr, transport: Transport, asked: &SocketOptions) -> String {
        let addr = end.ip().to_canonical();
        let name = if addr.is_unspecified() { self.own.as_deref() } else { self.hosts.name(addr) };
        // Like Windows': of a name only the first part, unless -f asks for all of it.
        let part = |name: &str| match name.split_once('.') {
            Some((first, _)) if !asked.full_names => first.to_owned(),
            _ => name.to_owned(),
        };
        let host = name.map_or_else(|| without_port(end), part);
        let kind = if transport == Transport::Tcp { Kind::Stream } else { Kind::Datagram };
        let service = if end.port() == 0 { None } else { self.services.name(end.port(), kind) };
        match service {
            Some(service) => format!("{host}:{service}"),
            None => format!("{host}:{}", end.port()),
        }
    }
}

/// `1.2.3.4` or `[::1]`.
fn without_port(end: SocketAddr) -> String {
    let text = end.to_string();
    text.rsplit_once(':').map(|(addr, _)| addr.to_owned()).unwrap_or(text)
}
