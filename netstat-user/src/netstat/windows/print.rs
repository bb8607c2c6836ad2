//! The table of sockets, in the columns of Windows' netstat.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{names::Names, options::SocketOptions, socket::Socket};
use crate::{format::state_style, model::State};

const ENDPOINT_WIDTH: usize = 21;
const STATE_WIDTH: usize = 16;

/// The table with its title and header.
pub fn sockets(sockets: &[Socket], options: &SocketOptions, color: bool, names: &mut Names) -> Vec<u8> {
    if !options.numeric {
        names.prepare(sockets);
    }
    let mut page = String::new();
    page.push_str("\nActive Connections\n\n  Proto  Local Address          Foreign Address        State");
    page.push_str(if options.owners { "           PID\n" } else { "\n" });
    for socket in sockets {
        page.push_str("  ");
        page.push_str(if socket.tcp.is_some() { "TCP    " } else { "UDP    " });
        column(&mut page, &socket.local.to_string());
        let foreign = foreign(socket, options, names);
        match (socket.state(), options.owners) {
            (None, false) => page.push_str(&foreign),
            (None, true) => {
                column(&mut page, &foreign);
                page.push_str(&" ".repeat(STATE_WIDTH));
            }
            (Some(state), owners) => {
                column(&mut page, &foreign);
                self::state(&mut page, state, socket.windows_state_name(), color, owners);
            }
        }
        if options.owners {
            page.push_str(&socket.pid.to_string());
        }
        page.push('\n');
    }
    page.into_bytes()
}

/// Adds an endpoint's column, which ends with two spaces even if the text is longer than the column.
fn column(page: &mut String, text: &str) {
    page.push_str(&format!("{text:<ENDPOINT_WIDTH$}  "));
}

fn foreign(socket: &Socket, options: &SocketOptions, names: &mut Names) -> String {
    let Some((remote, state)) = socket.tcp else { return "*:*".to_owned() };
    // A listener's remote endpoint has no meaning, so Windows' netstat shows zeros.
    let unspecified = || match socket.local {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let endpoint = if state.state() == State::Listen { SocketAddr::new(unspecified(), 0) } else { remote };
    if options.numeric { endpoint.to_string() } else { names.foreign(endpoint, socket.transport, options) }
}

fn state(page: &mut String, state: State, name: &str, color: bool, is_padded: bool) {
    let style = state_style(state);
    if color {
        page.push_str(&style.render().to_string());
    }
    page.push_str(name);
    if color {
        page.push_str(&style.render_reset().to_string());
    }
    if is_padded {
        page.push_str(&" ".repeat(STATE_WIDTH.saturating_sub(name.len())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{filter::Filter, netstat::windows::options::Transport, readers::windows::state::TcpState};

    fn socket(local: &str, tcp: Option<(&str, u32)>, pid: u32) -> Socket {
        Socket {
            transport: if tcp.is_some() { Transport::Tcp } else { Transport::Udp },
            local: local.parse().unwrap(),
            tcp: tcp.map(|(remote, state)| (remote.parse().unwrap(), TcpState(state))),
            pid,
            program: None,
        }
    }

    fn printed(list: &[Socket], owners: bool) -> String {
        let options = SocketOptions {
            all: true,
            numeric: true,
            full_names: false,
            owners,
            protocol: None,
            summary: false,
            filter: Filter::default(),
        };
        String::from_utf8(sockets(list, &options, false, &mut Names::default())).unwrap()
    }

    #[test]
    fn the_table_of_sockets_has_the_columns_of_windows_netstat() {
        let list = [
            socket("0.0.0.0:135", Some(("0.0.0.0:4711", 2)), 1192),
            socket("192.168.100.14:59239", Some(("35.186.227.140:443", 11)), 0),
            socket("[::]:135", Some(("[::]:0", 2)), 1192),
            socket("[fe80::1c2d:3e4f%12]:49152", Some(("[fe80::2]:443", 4)), 7),
            socket("0.0.0.0:123", None, 5836),
        ];
        assert_eq!(
            printed(&list, true),
            "\nActive Connections\n\n\
             \x20 Proto  Local Address          Foreign Address        State           PID\n\
             \x20 TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       1192\n\
             \x20 TCP    192.168.100.14:59239   35.186.227.140:443     TIME_WAIT       0\n\
             \x20 TCP    [::]:135               [::]:0                 LISTENING       1192\n\
             \x20 TCP    [fe80::1c2d:3e4f%12]:49152  [fe80::2]:443          SYN_RECEIVED    7\n\
             \x20 UDP    0.0.0.0:123            *:*                                    5836\n"
        );
        assert_eq!(
            printed(&list[3..], false),
            "\nActive Connections\n\n\
             \x20 Proto  Local Address          Foreign Address        State\n\
             \x20 TCP    [fe80::1c2d:3e4f%12]:49152  [fe80::2]:443          SYN_RECEIVED\n\
             \x20 UDP    0.0.0.0:123            *:*\n"
        );
    }
}
