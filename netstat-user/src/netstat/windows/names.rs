//! Names of remote hosts and services, as Windows' netstat shows them.

use std::net::SocketAddr;

use super::{
    options::{SocketOptions, Transport},
    socket::Socket,
};
use crate::netstat::resolve::{Hosts, Kind, Services, is_printable_word};

/// Resolves names, and remembers them for the next page.
#[derive(Default)]
pub struct Names {
    hosts: Hosts,
    services: Services,
    /// The name of this host; None if it is unknown.
    own_name: Option<String>,
}

impl Names {
    /// Resolves the addresses of all peers at once. One that doesn't resolve in time is shown as a number.
    pub fn prepare(&mut self, sockets: &[Socket]) {
        self.hosts.resolve(sockets.iter().filter_map(Socket::peer).map(|peer| peer.ip().to_canonical()));
        if self.own_name.is_none() {
            self.own_name = dns_lookup::get_hostname().ok().filter(|name| is_printable_word(name));
        }
    }

    /// The remote endpoint with names instead of numbers. An unspecified address, as a listener has, is this host.
    pub fn foreign(&mut self, endpoint: SocketAddr, transport: Transport, options: &SocketOptions) -> String {
        let addr = endpoint.ip().to_canonical();
        let name = if addr.is_unspecified() { self.own_name.as_deref() } else { self.hosts.name(addr) };
        // Windows' netstat shows only the first label of a name, unless -f is given.
        let label = |name: &str| match name.split_once('.') {
            Some((first, _)) if !options.full_names => first.to_owned(),
            _ => name.to_owned(),
        };
        let host = name.map_or_else(|| without_port(endpoint), label);
        let kind = if transport == Transport::Tcp { Kind::Stream } else { Kind::Datagram };
        let service = if endpoint.port() == 0 { None } else { self.services.name(endpoint.port(), kind) };
        match service {
            Some(service) => format!("{host}:{service}"),
            None => format!("{host}:{}", endpoint.port()),
        }
    }
}

/// The address without its port: `1.2.3.4` or `[::1]`.
fn without_port(endpoint: SocketAddr) -> String {
    let text = endpoint.to_string();
    text.rsplit_once(':').map(|(addr, _)| addr.to_owned()).unwrap_or(text)
}
