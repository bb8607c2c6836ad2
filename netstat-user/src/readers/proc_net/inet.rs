//! A line of /proc/net/tcp, tcp6, udp and the other tables of Internet sockets (`tcp4_seq_show`, net/ipv4/tcp_ipv4.c,
//! and its counterparts).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Fields;

/// A socket as a line describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetEntry {
    /// The local address as the socket has it (IPv4-mapped stays IPv6), and the port in host order.
    pub local: SocketAddr,
    /// The remote address and port; zeros for a socket without a peer.
    pub remote: SocketAddr,
    /// The kernel's number of the state (include/net/tcp_states.h); UDP uses 1 and 7.
    pub state: u8,
    /// Bytes that are not acknowledged by the peer.
    pub send_q: u32,
    /// Bytes that the process has not read; of a listener, connections that it has not accepted.
    pub recv_q: u32,
    /// The timer.
    pub timer: Timer,
    /// User id; 0 if the socket has no file (`get_timewait4_sock`, net/ipv4/tcp_ipv4.c).
    pub uid: u32,
    /// Inode number; 0 if the socket has no file.
    pub inode: u64,
}

/// A socket's timer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer {
    /// 0 none, 1 retransmission, 2 keepalive (or linger), 3 TIME_WAIT, 4 zero window probe.
    pub kind: u8,
    /// Clock ticks (sysconf(_SC_CLK_TCK)) until it expires.
    pub ticks: u64,
    /// Retransmissions without an acknowledgment.
    pub retransmits: u32,
    /// Probes without an answer.
    pub probes: u32,
}

impl InetEntry {
    /// Parses a line of an IPv4 or IPv6 table; None if the line is empty, truncated or malformed.
    pub fn parse(line: &[u8], is_ipv6: bool) -> Option<Self> {
        let mut fields = Fields::new(line);
        fields.skip()?;
        let local = address(&mut fields, is_ipv6)?;
        let remote = address(&mut fields, is_ipv6)?;
        let state = fields.hex_value()?;
        let send_q = fields.hex_value()?;
        fields.colon()?;
        let recv_q = fields.hex_value()?;
        let kind = fields.hex_value()?;
        fields.colon()?;
        let ticks = fields.hex_value()?;
        let retransmits = fields.hex_value()?;
        let uid = fields.decimal()?;
        let probes = fields.decimal()?;
        let inode = fields.decimal()?;
        let timer = Timer { kind, ticks, retransmits, probes };
        Some(Self { local, remote, state, send_q, recv_q, timer, uid, inode })
    }
}

fn address(fields: &mut Fields<'_>, is_ipv6: bool) -> Option<SocketAddr> {
    let addr = if is_ipv6 {
        let bytes: [u8; 16] = fields.words::<4>()?.concat().try_into().ok()?;
        IpAddr::V6(Ipv6Addr::from(bytes))
    } else {
        let [bytes] = fields.words::<1>()?;
        IpAddr::V4(Ipv4Addr::from(bytes))
    };
    fields.colon()?;
    Some(SocketAddr::new(addr, fields.hex_value()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTENER: &[u8] = b"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 00:00000000 00000000  1000        0 31337 1 0000000000000000 100 0 0 10 0";

    #[test]
    fn an_ipv4_line_is_parsed() {
        let socket = InetEntry::parse(LISTENER, false).unwrap();
        assert_eq!(socket.local, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(socket.remote, "0.0.0.0:0".parse().unwrap());
        assert_eq!((socket.state, socket.recv_q, socket.send_q), (10, 2, 0));
        assert_eq!((socket.uid, socket.inode), (1000, 31337));
    }

    #[test]
    fn an_ipv6_line_has_its_addresses_in_network_byte_order() {
        let line = b"   1: 0000000000000000FFFF00000100007F:0050 B80D01200000000000000000010000FF:C001 01 00000001:00000000 02:00000E10 00000000     0        3 99 2 ffff 20 4 24 10 -1";
        let socket = InetEntry::parse(line, true).unwrap();
        assert_eq!(socket.local, "[::ffff:127.0.0.1]:80".parse().unwrap());
        assert_eq!(socket.remote, "[2001:db8::ff00:1]:49153".parse().unwrap());
        assert_eq!(socket.timer, Timer { kind: 2, ticks: 3600, retransmits: 0, probes: 3 });
        assert_eq!((socket.send_q, socket.state), (1, 1));
    }

    #[test]
    fn a_line_that_is_truncated_anywhere_before_the_inode_number_is_none() {
        let inode = LISTENER.windows(5).position(|text| text == b"31337").unwrap();
        for length in 0..inode {
            assert_eq!(InetEntry::parse(&LISTENER[..length], false), None, "{length}");
        }
    }

    #[test]
    fn a_line_of_the_other_family_is_none() {
        assert_eq!(InetEntry::parse(LISTENER, true), None);
    }
}
