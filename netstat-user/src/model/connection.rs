//! What a connection is: its name, its ends, its direction.

use std::net::{IpAddr, Ipv6Addr};

/// A connection's name within one run: never reused, shown as `conn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// The kernel's object behind a connection, as a source sees it: good for as long as the object lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SockId {
    /// Address of the `struct sock` in the kernel; reused within milliseconds of its end.
    pub sk: u64,
    /// The socket cookie (`sock_gen_cookie`, net/core/sock_diag.c); 0 where the source can't tell.
    /// It outlives a reconnect, and up to 6.12 a child shows its listener's while it is being born.
    pub cookie: u64,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The address; an IPv4-mapped IPv6 address is its IPv4 address.
    pub addr: IpAddr,
    /// The port in host order; 0 is never a connection's port, so it stands for "not known".
    pub port: u16,
}

impl Endpoint {
    /// An end from the 16 bytes of an IPv6 or IPv4-mapped address, in network order.
    pub fn from_bytes(addr: [u8; 16], port: u16) -> Self {
        Self { addr: Ipv6Addr::from(addr).to_canonical(), port }
    }
}

/// The address family that the connection's packets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4, also through an IPv6 socket by IPv4-mapped addresses.
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
    /// No connection: a socket that waits for them.
    Listen,
}
