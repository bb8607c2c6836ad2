//! One record of `sock/inet_sock_set_state`. The event's `format` file gives the offsets of its fields.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::Path,
};

use anyhow::{Context as _, Result};

use crate::{state, state::State};

/// A protocol whose sockets rnetstat-trace shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// IPPROTO_TCP.
    Tcp,
    /// IPPROTO_MPTCP.
    Mptcp,
}

/// A transition in the kernel's record.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// The current thread of the CPU. In a softirq it is the interrupted thread.
    pub task: u32,
    /// The address of the `struct sock`.
    pub sk: u64,
    /// TCP or MPTCP.
    pub protocol: Protocol,
    /// The state that it left.
    pub old: State,
    /// The state that it entered.
    pub new: State,
    /// The local endpoint, canonical. The port is 0 where the kernel had none.
    pub local: SocketAddr,
    /// The remote endpoint, canonical. The port is 0 where the kernel had none.
    pub remote: SocketAddr,
}

/// The byte offsets of the fields.
pub struct Layout {
    common_pid: usize,
    skaddr: usize,
    oldstate: usize,
    newstate: usize,
    sport: usize,
    dport: usize,
    protocol: usize,
    saddr_v6: usize,
    daddr_v6: usize,
}

impl Layout {
    /// Reads the `format` file of the event.
    pub fn read(format: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(format).with_context(|| format!("reading {}", format.display()))?;
        let offset =
            |field: &str| offset_of(&text, field).with_context(|| format!("no field {field} in {text}"));
        Ok(Self {
            common_pid: offset("common_pid")?,
            skaddr: offset("skaddr")?,
            oldstate: offset("oldstate")?,
            newstate: offset("newstate")?,
            sport: offset("sport")?,
            dport: offset("dport")?,
            protocol: offset("protocol")?,
            saddr_v6: offset("saddr_v6[16]")?,
            daddr_v6: offset("daddr_v6[16]")?,
        })
    }

    /// Decodes an event. None for another protocol, or if the state stays the same.
    pub fn decode(&self, mono_ns: u64, data: &[u8]) -> Result<Option<Record>> {
        let protocol = match u16::from_ne_bytes(field(data, self.protocol)?).into() {
            libc::IPPROTO_TCP => Protocol::Tcp,
            libc::IPPROTO_MPTCP => Protocol::Mptcp,
            _ => return Ok(None),
        };
        let old = state::from_kernel(u32::from_ne_bytes(field(data, self.oldstate)?))?;
        let new = state::from_kernel(u32::from_ne_bytes(field(data, self.newstate)?))?;
        if old == new {
            return Ok(None);
        }
        Ok(Some(Record {
            mono_ns,
            task: u32::from_ne_bytes(field(data, self.common_pid)?),
            sk: u64::from_ne_bytes(field(data, self.skaddr)?),
            protocol,
            old,
            new,
            local: end(field(data, self.saddr_v6)?, field(data, self.sport)?),
            remote: end(field(data, self.daddr_v6)?, field(data, self.dport)?),
        }))
    }
}

/// The address is in network byte order, IPv4 as a mapped address; the port is in host byte order.
fn end(addr: [u8; 16], port: [u8; 2]) -> SocketAddr {
    let addr: IpAddr = Ipv6Addr::from(addr).to_canonical();
    SocketAddr::new(addr, u16::from_ne_bytes(port))
}

/// The offset in a line of the file (with tabs): `field:__u16 sport; offset:24; size:2; signed:0;`.
fn offset_of(format: &str, field: &str) -> Option<usize> {
    let line = format.lines().find(|line| {
        line.split(';').next().is_some_and(|words| words.split_ascii_whitespace().last() == Some(field))
    })?;
    line.split(';').find_map(|part| part.trim().strip_prefix("offset:"))?.parse().ok()
}

fn field<const N: usize>(data: &[u8], at: usize) -> Result<[u8; N]> {
    Ok(data.get(at..at + N).context("a record that is too short")?.try_into()?)
}
