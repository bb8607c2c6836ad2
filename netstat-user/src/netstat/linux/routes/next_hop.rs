//! A next hop of a route.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::InterfaceName;

/// A next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// The gateway, of either family; None if the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// Index of the interface; 0: none.
    pub index: u32,
    /// The name of the interface; None if there is none or its name is not known.
    pub interface: Option<InterfaceName>,
    /// Its share of the packets, relative to the others.
    pub weight: u32,
}

/// An address of 4 or 16 bytes, in network byte order.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    match *bytes {
        [a, b, c, d] => Some(Ipv4Addr::new(a, b, c, d).into()),
        _ => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
    }
}
