//! `address:port`, as netstat writes it; a number is never cut off.

use std::net::IpAddr;

use super::Page;
use crate::netstat::linux::{
    names::Names,
    socket::{End, Transport},
};

/// How long a name and its port may be together without `-W`.
const LONGEST_NAME: usize = 22;
/// How much of that is the name's at least.
const LEAST_OF_NAME: usize = 4;
const WIDTH: usize = 23;

/// Appends an end.
pub fn end(page: &mut Page, end: End, transport: Transport, names: &mut Names, wide: bool) {
    let start = page.len();
    let is_name = host(page, end.addr, names);
    let host_length = page.len() - start;
    page.text(":");
    let port_start = page.len();
    match end.port {
        0 => page.text("*"),
        port => match names.service(port, transport) {
            Some(name) => page.text(name),
            None => page.number(port.into()),
        },
    }
    if is_name && !wide && host_length + page.len() - port_start > LONGEST_NAME {
        let mut port = String::from_utf8_lossy(page.since(port_start)).into_owned();
        port.truncate(LONGEST_NAME - LEAST_OF_NAME);
        page.truncate(start + host_length.min(LONGEST_NAME - port.len()));
        page.text(":");
        page.text(&port);
    }
    page.pad(start, WIDTH);
}

/// Whether what it appended is a name.
fn host(page: &mut Page, addr: IpAddr, names: &Names) -> bool {
    if let Some(name) = names.host(addr) {
        page.text(name);
        return true;
    }
    match addr {
        IpAddr::V6(v6) if v6.is_unspecified() && names.resolves_hosts() => page.text("[::]"),
        _ => match addr.to_canonical() {
            IpAddr::V4(v4) => page.ipv4(v4),
            IpAddr::V6(v6) => page.text(&v6.to_string()),
        },
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netstat::linux::request::Numeric;

    #[test]
    fn an_address_is_shown_whole_and_a_mapped_one_as_ipv4() {
        let mut names = Names::new(Numeric { hosts: true, ports: true, users: true });
        for (addr, port, shown) in [
            ("127.0.0.1", 80, "127.0.0.1:80           "),
            ("::ffff:10.0.0.1", 80, "10.0.0.1:80            "),
            ("::", 0, ":::*                   "),
            ("2001:db8:1111:2222:3333:4444:5555:6666", 65535, "2001:db8:1111:2222:3333:4444:5555:6666:65535"),
        ] {
            let mut page = Page::default();
            let addr = addr.parse().unwrap();
            end(&mut page, End { addr, port }, Transport::Tcp, &mut names, false);
            assert_eq!(String::from_utf8(page.into_bytes()).unwrap(), shown);
        }
    }
}
