//! TCP sockets by sock_diag(7): the sockets of /proc/net/tcp, in the same order, without the cost of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result};
use rustix::net::{AddressFamily, ipproto, netlink::SOCK_DIAG};

use crate::{
    model::State,
    netstat::linux::{
        netlink::{dump, u32_at},
        socket::{InetSocket, Proto},
    },
    readers::proc_net::Timer,
};

/// include/uapi/linux/sock_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// Size of `struct inet_diag_req_v2` (include/uapi/linux/inet_diag.h).
const REQUEST_BYTES: usize = 56;
/// Size of `struct inet_diag_msg`.
const MESSAGE_BYTES: usize = 72;
/// A bit for each state that /proc/net/tcp shows; not for TCP_BOUND_INACTIVE (bit 13, since 6.8).
const STATES: u32 = 0xfff;

/// Appends the sockets of the calling thread's network namespace.
///
/// # Errors
/// The kernel lacks the module, or refuses.
pub fn read(proto: Proto, netns: u32, sockets: &mut Vec<InetSocket>) -> Result<()> {
    dump(Some(SOCK_DIAG), SOCK_DIAG_BY_FAMILY, &request(proto), |message| {
        sockets.push(decode(message, proto, netns).context("sock_diag sent a truncated message")?);
        Ok(())
    })
}

fn request(proto: Proto) -> [u8; REQUEST_BYTES] {
    let family = if proto.ipv6 { AddressFamily::INET6 } else { AddressFamily::INET };
    let mut request = [0; REQUEST_BYTES];
    request[0] = family.as_raw() as u8;
    request[1] = ipproto::TCP.as_raw().get() as u8;
    request[4..8].copy_from_slice(&STATES.to_ne_bytes());
    request
}

fn decode(message: &[u8], proto: Proto, netns: u32) -> Option<InetSocket> {
    let message = message.get(..MESSAGE_BYTES)?;
    let state = message[1];
    let address = |port: usize, addr: usize| {
        let bytes: [u8; 16] = message[addr..addr + 16].try_into().ok()?;
        let [a, b, c, d, ..] = bytes;
        let addr: IpAddr =
            if proto.ipv6 { Ipv6Addr::from(bytes).into() } else { Ipv4Addr::new(a, b, c, d).into() };
        Some(SocketAddr::new(addr, u16::from_be_bytes([message[port], message[port + 1]])))
    };
    // For a listener the kernel reports the backlog here; /proc/net/tcp shows 0.
    let is_listener = State::from_kernel(state) == State::Listen;
    let send_q = if is_listener { 0 } else { u32_at(message, 60)? };
    Some(InetSocket {
        proto,
        local: address(4, 8)?,
        remote: address(6, 24)?,
        state,
        recv_q: u32_at(message, 56)?,
        send_q,
        timer: Timer::default(),
        uid: u32_at(message, 64)?,
        inode: u32_at(message, 68)?.into(),
        netns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netstat::linux::socket::Transport;

    const TCP: Proto = Proto { transport: Transport::Tcp, ipv6: false };

    #[test]
    fn a_listener_of_this_process_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let mut sockets = Vec::new();
        // A kernel without sock_diag is not tested.
        if read(TCP, 7, &mut sockets).is_ok() {
            let found = sockets.iter().find(|socket| socket.local == addr && socket.state() == State::Listen);
            let found = found.unwrap_or_else(|| panic!("{addr} is not in {sockets:?}"));
            assert_eq!((found.remote.port(), found.send_q, found.netns), (0, 0, 7));
            assert_ne!(found.inode, 0);
        }
    }

    #[test]
    fn a_truncated_message_is_none() {
        assert!(decode(&[0; MESSAGE_BYTES], TCP, 7).is_some());
        assert_eq!(decode(&[0; MESSAGE_BYTES - 1], TCP, 7), None);
    }
}
