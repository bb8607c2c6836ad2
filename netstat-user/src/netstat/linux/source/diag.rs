//! TCP's sockets by sock_diag(7): the same as in /proc/net/tcp, in the same order, without text between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};
use rustix::net::{AddressFamily, netlink::SOCK_DIAG};

use super::netlink::{dump, number};
use crate::netstat::linux::socket::{End, InetSocket, Proto, Timer};

/// include/uapi/linux/sock_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// `struct inet_diag_req_v2` and `struct inet_diag_msg`, include/uapi/linux/inet_diag.h.
const QUESTION: usize = 56;
const ANSWER: usize = 72;
const LISTEN: u8 = 10;
/// Every state that /proc/net/tcp shows: not those that are only bound, which newer kernels know (bit 13).
const STATES: u32 = 0xfff;

/// Appends the sockets of the calling thread's network namespace.
///
/// # Errors
/// The kernel lacks the module, or refuses.
pub fn read(proto: Proto, netns: u32, into: &mut Vec<InetSocket>) -> Result<()> {
    dump(Some(SOCK_DIAG), SOCK_DIAG_BY_FAMILY, &question(proto), |answer| {
        into.push(decode(answer, proto, netns).context("a short answer from sock_diag")?);
        Ok(())
    })
}

fn question(proto: Proto) -> [u8; QUESTION] {
    const IPPROTO_TCP: u8 = 6;
    let family = if proto.ipv6 { AddressFamily::INET6 } else { AddressFamily::INET };
    let mut question = [0; QUESTION];
    question[0] = family.as_raw() as u8;
    question[1] = IPPROTO_TCP;
    question[4..8].copy_from_slice(&STATES.to_ne_bytes());
    question
}

fn decode(answer: &[u8], proto: Proto, netns: u32) -> Option<InetSocket> {
    let answer = answer.get(..ANSWER)?;
    let state = answer[1];
    let end = |port: usize, addr: usize| {
        let bytes: [u8; 16] = answer[addr..addr + 16].try_into().ok()?;
        let [a, b, c, d, ..] = bytes;
        let addr: IpAddr =
            if proto.ipv6 { Ipv6Addr::from(bytes).into() } else { Ipv4Addr::new(a, b, c, d).into() };
        Some(End { addr, port: u16::from_be_bytes([answer[port], answer[port + 1]]) })
    };
    // Of a listener it is how many connections may wait, where /proc has a zero.
    let send_q = if state == LISTEN { 0 } else { number(answer, 60)? };
    Some(InetSocket {
        proto,
        local: end(4, 8)?,
        remote: end(6, 24)?,
        state,
        recv_q: number(answer, 56)?.into(),
        send_q: send_q.into(),
        timer: Timer::default(),
        uid: number(answer, 64)?,
        inode: number(answer, 68)?.into(),
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
        let port = listener.local_addr().unwrap().port();
        let mut sockets = Vec::new();
        // Where the kernel has no sock_diag, nothing can be said here.
        if read(TCP, 7, &mut sockets).is_ok() {
            let found = sockets.iter().find(|socket| socket.local.port == port && socket.state == LISTEN);
            let found = found.unwrap_or_else(|| panic!("port {port} is not in {sockets:?}"));
            assert_eq!(found.local.addr.to_string(), "127.0.0.1");
            assert_eq!((found.remote.port, found.send_q, found.netns), (0, 0, 7));
            assert_ne!(found.inode, 0);
        }
    }

    #[test]
    fn a_short_answer_is_none() {
        assert!(decode(&[0; ANSWER], TCP, 7).is_some());
        assert_eq!(decode(&[0; ANSWER - 1], TCP, 7), None);
    }
}
