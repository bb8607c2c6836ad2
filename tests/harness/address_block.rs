//! Blocks of addresses and ports, each used by one test on this machine at a time.
//!
//! The kernel's record of a transition doesn't name the network namespace. So the addresses must identify the test,
//! also when several test processes run at the same time.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
};

use anyhow::{Context as _, Result, bail};
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketType, bind, socket},
};

use crate::wait::monotonic_ns;

/// The number of blocks.
const BLOCKS: u16 = 0xff00;
/// The number of ports in a block.
const PORTS: u16 = 4;
/// The number of port groups. Blocks whose numbers differ by a multiple of it have the same ports.
const PORT_GROUPS: u16 = 5_000;
/// How long the search for a free block starts at the same number, nanoseconds: it goes through all numbers in eleven
/// minutes.
const TURN_NS: u64 = 10_000_000;

/// One claimed block: 127.a.b.0/24, 10.a.b.0/24 and fd7e:57::a:b:0/112.
pub struct AddressBlock {
    number: u16,
    /// The claims of its number and of its ports. An abstract Unix socket's name is unique on the machine and is
    /// released with the process.
    _claims: [OwnedFd; 2],
}

impl AddressBlock {
    /// Claims a free block that no test has used for minutes: the kernel may still retransmit a FIN of an earlier
    /// test. Call this in the initial network namespace, since abstract names are per namespace.
    pub fn claim() -> Result<Self> {
        let turn = monotonic_ns() / TURN_NS;
        for turn in turn..turn + u64::from(BLOCKS) {
            let number = u16::try_from(1 + turn % u64::from(BLOCKS))?;
            let names = [format!("block-{number}"), format!("ports-{}", number % PORT_GROUPS)];
            if let [Some(number_claim), Some(ports_claim)] = [claim(&names[0])?, claim(&names[1])?] {
                return Ok(Self { number, _claims: [number_claim, ports_claim] });
            }
        }
        bail!("every address block is in use")
    }

    /// A loopback address, valid in any namespace.
    pub fn loopback(&self, host: u8) -> IpAddr {
        let [a, b] = self.number.to_be_bytes();
        Ipv4Addr::new(127, a, b, host).into()
    }

    /// An address for a link between two namespaces.
    pub fn link(&self, host: u8) -> IpAddr {
        let [a, b] = self.number.to_be_bytes();
        Ipv4Addr::new(10, a, b, host).into()
    }

    /// An IPv6 address for loopback or for a link. It must be added to the device.
    pub fn v6(&self, host: u8) -> IpAddr {
        Ipv6Addr::new(0xfd7e, 0x57, 0, 0, 0, 0, self.number, host.into()).into()
    }

    /// The first of the block's ports. Only its tests listen on them.
    pub fn port(&self) -> u16 {
        // Below the ephemeral ports, which begin at 32768.
        10_000 + self.number % PORT_GROUPS * PORTS
    }

    /// The last of the block's ports.
    pub fn last_port(&self) -> u16 {
        self.port() + PORTS - 1
    }

    /// The block's listening address on loopback.
    pub fn server(&self) -> SocketAddr {
        SocketAddr::new(self.loopback(1), self.port())
    }

    /// The block's listening address on IPv6 loopback.
    pub fn server_v6(&self) -> SocketAddr {
        SocketAddr::new(self.v6(1), self.port())
    }

    /// Whether the endpoint is in the block: by its address, or by its port if the address is unspecified.
    pub fn owns(&self, end: SocketAddr) -> bool {
        self.contains(end.ip())
            || (end.ip().is_unspecified() && (self.port()..=self.last_port()).contains(&end.port()))
    }

    /// Whether the address is in the block.
    pub fn contains(&self, addr: IpAddr) -> bool {
        let number = self.number.to_be_bytes();
        match addr.to_canonical() {
            IpAddr::V4(v4) => matches!(v4.octets(), [127 | 10, a, b, _] if [a, b] == number),
            IpAddr::V6(v6) => {
                v6.octets()[..14] == Ipv6Addr::new(0xfd7e, 0x57, 0, 0, 0, 0, self.number, 0).octets()[..14]
            }
        }
    }
}

/// None if another test has claimed it.
fn claim(name: &str) -> Result<Option<OwnedFd>> {
    let claim = socket(AddressFamily::UNIX, SocketType::DGRAM, None)?;
    match bind(&claim, &SocketAddrUnix::new_abstract_name(format!("rnetstat-tests-{name}").as_bytes())?) {
        Ok(()) => Ok(Some(claim)),
        Err(Errno::ADDRINUSE) => Ok(None),
        Err(error) => Err(error).context("claiming an address block"),
    }
}
