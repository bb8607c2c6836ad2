//! `address:port`, as netstat writes it: names are cut off, numbers never.

use std::net::{IpAddr, SocketAddr};

use super::page::Page;
use crate::netstat::{
    linux::{names::Names, socket::Transport},
    resolve::looks_like_an_address,
};

/// Without `-W`, a name and its port have at most this length together.
const MAX_NAME_AND_PORT: usize = 22;
/// The part of it that is kept for the name.
const MIN_NAME_LENGTH: usize = 4;
const WIDTH: usize = 23;

/// Appends an address and its port; `*` for port 0.
pub fn address(page: &mut Page, addr: SocketAddr, transport: Transport, names: &mut Names, wide: bool) {
    let start = page.len();
    let is_name = host(page, addr.ip(), names);
    let host_length = page.len() - start;
    page.text(":");
    let port_start = page.len();
    match addr.port() {
        0 => page.text("*"),
        port => match names.service(port, transport) {
            Some(name) => page.text(name),
            None => page.number(port.into()),
        },
    }
    if is_name && !wide && host_length + page.len() - port_start > MAX_NAME_AND_PORT {
        let mut port = String::from_utf8_lossy(page.since(port_start)).into_owned();
        port.truncate(MAX_NAME_AND_PORT - MIN_NAME_LENGTH);
        page.truncate(start + host_length.min(MAX_NAME_AND_PORT - port.len()));
        // Who chose the name may have chosen its beginning to look like another host's address.
        if str::from_utf8(page.since(start)).is_ok_and(looks_like_an_address) {
            page.truncate(start);
            number(page, addr.ip());
        }
        page.text(":");
        page.text(&port);
    }
    page.pad(start, WIDTH);
}

/// Appends an address; returns whether as a name.
fn host(page: &mut Page, addr: IpAddr, names: &Names) -> bool {
    if let Some(name) = names.host(addr) {
        page.text(name);
        return true;
    }
    match addr {
        IpAddr::V6(v6) if v6.is_unspecified() && names.resolves_hosts() => page.text("[::]"),
        _ => number(page, addr),
    }
    false
}

fn number(page: &mut Page, addr: IpAddr) {
    match addr.to_canonical() {
        IpAddr::V4(v4) => page.ipv4(v4),
        IpAddr::V6(v6) => page.text(&v6.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netstat::linux::options::Numeric;

    #[test]
    fn an_address_is_never_cut_off_and_an_ipv4_mapped_one_is_shown_as_ipv4() {
        let mut names = Names::new(Numeric { hosts: true, ports: true, users: true });
        for (addr, port, shown) in [
            ("127.0.0.1", 80, "127.0.0.1:80           "),
            ("::ffff:10.0.0.1", 80, "10.0.0.1:80            "),
            ("::", 0, ":::*                   "),
            ("2001:db8:1111:2222:3333:4444:5555:6666", 65535, "2001:db8:1111:2222:3333:4444:5555:6666:65535"),
        ] {
            let mut page = Page::default();
            let addr = SocketAddr::new(addr.parse().unwrap(), port);
            address(&mut page, addr, Transport::Tcp, &mut names, false);
            assert_eq!(String::from_utf8(page.into_bytes()).unwrap(), shown);
        }
    }
}
