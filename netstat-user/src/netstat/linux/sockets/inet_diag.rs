//! Internet sockets by sock_diag(7): the sockets of /proc/net/tcp and so on, in the same order, without the cost of text,
//! with their interfaces, and with TCP sockets that are only bound.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result};
use rustix::{
    net::{AddressFamily, netlink::SOCK_DIAG},
    param::clock_ticks_per_second,
};

use crate::{
    model::State,
    netstat::linux::socket::{AcceptQueue, InetSocket, Proto, Transport},
    readers::{
        netlink::{Attributes, Dump, Request, dump, u32_at},
        proc_net::Timer,
    },
};

/// include/uapi/linux/sock_diag.h.
pub const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Size of `struct inet_diag_req_v2` (include/uapi/linux/inet_diag.h).
const REQUEST_BYTES: usize = 56;
/// Size of `struct inet_diag_msg`.
const MESSAGE_BYTES: usize = 72;
/// INET_DIAG_INFO (`struct tcp_info`) and INET_DIAG_SKMEMINFO, the attributes after a message.
const INFO: u16 = 2;
const SKMEMINFO: u16 = 7;
/// SK_MEMINFO_DROPS (include/uapi/linux/sock_diag.h).
const MEMINFO_DROPS: usize = 8;
/// A bit for each state that /proc/net/tcp shows.
const LISTED_STATES: u32 = 0xfff;
/// TCPF_BOUND_INACTIVE (since 6.8): sockets that bind() gave a port, and that neither listen nor connect. Older kernels
/// ignore it.
const BOUND_INACTIVE: u32 = 1 << 13;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The sockets that /proc lists.
    pub listed: bool,
    /// TCP sockets that are only bound.
    pub bound: bool,
    /// Retransmissions, probes and the drops of listeners, which take the kernel longer.
    pub details: bool,
}

/// A socket, and the index of its interface; 0: none.
pub type Indexed = (InetSocket, u32);

/// The sockets of the calling thread's network namespace.
///
/// # Errors
/// The kernel lacks the module, or refuses; the answer is malformed or ends with an error.
pub fn read(proto: Proto, netns: u32, wanted: Wanted) -> Result<Dump<Indexed>> {
    let request = Request {
        protocol: Some(SOCK_DIAG),
        kind: SOCK_DIAG_BY_FAMILY,
        answer: SOCK_DIAG_BY_FAMILY,
        payload: &payload(proto, wanted),
    };
    dump(&request, |message| decode(message, proto, netns).map(Some))
}

/// `struct inet_diag_req_v2`: family, protocol, extensions, states; the remainder is for requests of one socket.
fn payload(proto: Proto, wanted: Wanted) -> [u8; REQUEST_BYTES] {
    let Wanted { listed, bound, details } = wanted;
    let family = if proto.ipv6 { AddressFamily::INET6 } else { AddressFamily::INET };
    let protocol = match proto.transport {
        Transport::Tcp => libc::IPPROTO_TCP,
        Transport::Udp => libc::IPPROTO_UDP,
        Transport::UdpLite => libc::IPPROTO_UDPLITE,
        Transport::Raw => libc::IPPROTO_RAW,
    };
    let is_tcp = proto.transport == Transport::Tcp;
    let states = if listed { LISTED_STATES } else { 0 } | if bound && is_tcp { BOUND_INACTIVE } else { 0 };
    let mut request = [0; REQUEST_BYTES];
    request[0] = family.as_raw() as u8;
    request[1] = protocol as u8;
    request[2] = if details && is_tcp { 1 << (INFO - 1) | 1 << (SKMEMINFO - 1) } else { 0 };
    request[4..8].copy_from_slice(&states.to_ne_bytes());
    request
}

/// Decodes `struct inet_diag_msg` and the attributes that were asked for.
pub(crate) fn decode(message: &[u8], proto: Proto, netns: u32) -> Result<Indexed> {
    let truncated = "sock_diag sent a truncated message";
    let (message, attributes) = message.split_at_checked(MESSAGE_BYTES).context(truncated)?;
    let (mut retransmits, mut probes, mut drops) = (message[3].into(), 0, None);
    for attribute in Attributes::new(attributes) {
        match attribute? {
            // tcpi_retransmits and tcpi_probes of `struct tcp_info` (include/uapi/linux/tcp.h).
            (INFO, &[_, _, info_retransmits, info_probes, ..]) => {
                (retransmits, probes) = (info_retransmits.into(), info_probes.into());
            }
            (SKMEMINFO, meminfo) => drops = u32_at(meminfo, 4 * MEMINFO_DROPS),
            _ => {}
        }
    }
    let field = |at| u32_at(message, at).context(truncated);
    let (kind, expires_ms, receive_queue, send_queue) = (message[2], field(52)?, field(56)?, field(60)?);
    let is_listener = proto.transport == Transport::Tcp && State::from_kernel(message[1]) == State::Listen;
    let socket = InetSocket {
        proto,
        local: address(message, proto, 4, 8).context(truncated)?,
        remote: address(message, proto, 6, 24).context(truncated)?,
        state: message[1],
        recv_q: receive_queue,
        // For a listener the kernel reports the limit of its queue here; /proc/net/tcp shows 0.
        send_q: if is_listener { 0 } else { send_queue },
        accept_queue: is_listener.then_some(AcceptQueue { limit: send_queue, drops }),
        timer: Timer {
            kind,
            ticks: u64::from(expires_ms) * clock_ticks_per_second() / 1000,
            retransmits,
            probes,
        },
        uid: field(64)?,
        inode: field(68)?.into(),
        interface: None,
        netns,
    };
    Ok((socket, field(40)?))
}

/// The port and the address at these offsets, both in network byte order.
fn address(message: &[u8], proto: Proto, port: usize, addr: usize) -> Option<SocketAddr> {
    let bytes: [u8; 16] = *message.get(addr..)?.first_chunk()?;
    let [a, b, c, d, ..] = bytes;
    let addr: IpAddr =
        if proto.ipv6 { Ipv6Addr::from(bytes).into() } else { Ipv4Addr::new(a, b, c, d).into() };
    Some(SocketAddr::new(addr, u16::from_be_bytes(*message.get(port..)?.first_chunk()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: Proto = Proto { transport: Transport::Tcp, ipv6: false };
    const ALL: Wanted = Wanted { listed: true, bound: true, details: true };

    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        // A kernel without sock_diag is not tested.
        if let Ok(dump) = read(TCP, 7, ALL) {
            let found = dump.entries.iter().map(|(socket, _)| socket).find(|socket| socket.local == addr);
            let found = found.unwrap_or_else(|| panic!("{addr} is not in {dump:?}"));
            assert_eq!((found.state(), found.remote.port(), found.send_q), (State::Listen, 0, 0));
            assert!(found.inode != 0 && found.netns == 7);
            let queue = found.accept_queue.unwrap();
            assert!(queue.limit > 0 && queue.drops == Some(0), "{queue:?}");
        }
    }

    #[test]
    fn a_truncated_message_is_an_error() {
        let mut message = vec![0; MESSAGE_BYTES];
        message[1] = 1;
        message.extend([8, 0, 2, 0, 1, 2, 3, 4]);
        let (socket, index) = decode(&message, TCP, 7).unwrap();
        assert_eq!((socket.timer.retransmits, socket.timer.probes, index), (3, 4, 0));
        for length in (0..MESSAGE_BYTES).chain(MESSAGE_BYTES + 1..message.len()) {
            assert!(decode(&message[..length], TCP, 7).is_err(), "{length}");
        }
    }
}
