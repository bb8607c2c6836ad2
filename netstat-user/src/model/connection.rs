//! What a connection is: its name, its endpoints, its direction.

use std::net::{IpAddr, Ipv6Addr};

/// A connection's name within one run: never reused, shown as `conn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// The kernel's socket of a connection. Valid as long as that socket exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SockId {
    /// Address of the `struct sock` in the kernel; reused within milliseconds after its end.
    pub sk: u64,
    /// The socket cookie (`sock_gen_cookie`, net/core/sock_diag.c); 0 where the source doesn't know it.
    /// It stays the same when the socket connects again. Up to 6.12 a child has its listener's cookie during LISTEN→SYN_RECV.
    pub cookie: u64,
}

/// One endpoint of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The address. An IPv4-mapped IPv6 address is stored as IPv4.
    pub addr: IpAddr,
    /// The port in host order; 0: not known (no connection has port 0).
    pub port: u16,
}

impl Endpoint {
    /// An endpoint from the 16 bytes of an IPv6 or IPv4-mapped address, in network order.
    pub fn from_bytes(addr: [u8; 16], port: u16) -> Self {
        Self { addr: Ipv6Addr::from(addr).to_canonical(), port }
    }
}

/// The address family of the connection's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4, also that of an IPv6 socket with IPv4-mapped addresses.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// The socket's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// IPPROTO_TCP, MPTCP's subflows included.
    Tcp,
    /// IPPROTO_MPTCP: the MPTCP connection above its subflows.
    Mptcp,
}

/// Who opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// This socket sent the first SYN.
    Outbound,
    /// The peer sent the first SYN to a listener here.
    Inbound,
    /// A listening socket.
    Listen,
}
