//! UNIX domain sockets by unix_diag (include/uapi/linux/unix_diag.h, net/unix/diag.c).

use anyhow::{Context as _, Result};
use rustix::net::{AddressFamily, netlink::SOCK_DIAG};

use crate::{
    netstat::linux::{
        socket::{AcceptQueue, UnixName, UnixSocket, UnixSource, UnixState},
        sockets::inet_diag::SOCK_DIAG_BY_FAMILY,
    },
    readers::netlink::{Attributes, Dump, Request, dump, u32_at},
};

/// Size of `struct unix_diag_req` and of `struct unix_diag_msg`.
const REQUEST_BYTES: usize = 24;
const MESSAGE_BYTES: usize = 16;
/// UDIAG_SHOW_NAME, _PEER, _ICONS, _RQLEN and, since 5.0, _UID.
const SHOW: u32 = 0x1 | 0x4 | 0x8 | 0x10 | 0x40;
/// The attributes.
const NAME: u16 = 0;
const PEER: u16 = 2;
const CONNECTING: u16 = 3;
const QUEUES: u16 = 4;
const UID: u16 = 7;
/// The kernel's states of UNIX sockets are those of TCP (include/net/tcp_states.h).
const TCP_ESTABLISHED: u8 = 1;
const TCP_LISTEN: u8 = 10;

/// The sockets of the calling thread's network namespace. A connection that its listener has not accepted has no inode
/// number, and unix_diag leaves it out: it is among those that its listener counts.
///
/// # Errors
/// The kernel lacks unix_diag, or refuses; the answer is malformed or ends with an error.
pub fn read(netns: u32) -> Result<Dump<UnixSocket>> {
    let mut request = [0; REQUEST_BYTES];
    request[0] = AddressFamily::UNIX.as_raw() as u8;
    request[4..8].copy_from_slice(&u32::MAX.to_ne_bytes());
    request[12..16].copy_from_slice(&SHOW.to_ne_bytes());
    let request = Request {
        protocol: Some(SOCK_DIAG),
        kind: SOCK_DIAG_BY_FAMILY,
        answer: SOCK_DIAG_BY_FAMILY,
        payload: &request,
    };
    let Dump { entries, is_inconsistent } = dump(&request, |message| decode(message, netns).map(Some))?;
    Ok(Dump { entries: entries.into_iter().flatten().collect(), is_inconsistent })
}

/// Decodes `struct unix_diag_msg` and its attributes: a socket, and after a listener the connections that wait to be
/// accepted.
pub(crate) fn decode(message: &[u8], netns: u32) -> Result<Vec<UnixSocket>> {
    let truncated = "unix_diag sent a truncated message";
    let (message, attributes) = message.split_at_checked(MESSAGE_BYTES).context(truncated)?;
    let (kind, state, inode) = (message[1], message[2], u32_at(message, 4).context(truncated)?);
    let (mut name, mut peer, mut queues, mut uid) = (UnixName::default(), None, None, None);
    let mut connecting: &[u8] = &[];
    for attribute in Attributes::new(attributes) {
        match attribute? {
            (NAME, value) => name = UnixName::of_address(value),
            (PEER, value) => peer = u32_at(value, 0).filter(|inode| *inode != 0),
            (CONNECTING, value) => connecting = value,
            (QUEUES, value) => queues = u32_at(value, 0).zip(u32_at(value, 4)),
            (UID, value) => uid = u32_at(value, 0),
            _ => {}
        }
    }
    let is_listening = state == TCP_LISTEN;
    let socket = UnixSocket {
        references: None,
        is_listening,
        kind: kind.into(),
        state: if state == TCP_ESTABLISHED { UnixState::Connected } else { UnixState::Unconnected },
        inode: inode.into(),
        peer: peer.map(u64::from),
        uid,
        recv_q: queues.map(|(received, _)| received),
        send_q: queues.map(|(_, sent)| sent).filter(|_| !is_listening),
        accept_queue: queues.filter(|_| is_listening).map(|(_, limit)| AcceptQueue { limit, drops: None }),
        name,
        netns,
        source: UnixSource::UnixDiag,
        may_be_forged: false,
    };
    let waiting = connecting.as_chunks::<4>().0.iter().map(|inode| UnixSocket {
        is_listening: false,
        state: UnixState::Connecting,
        inode: 0,
        peer: Some(u32::from_ne_bytes(*inode).into()).filter(|inode| *inode != 0),
        uid: None,
        recv_q: None,
        send_q: None,
        accept_queue: None,
        ..socket.clone()
    });
    let mut sockets: Vec<_> = waiting.collect();
    sockets.insert(0, socket);
    Ok(sockets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::netlink::attribute;

    fn message(kind: u8, state: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut message = vec![1, kind, state, 0];
        message.extend(4711_u32.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(attributes.concat());
        message
    }

    #[test]
    fn a_listener_is_followed_by_the_connections_that_wait() {
        let message = message(
            1,
            TCP_LISTEN,
            &[
                attribute(NAME, b"/run/a.sock\0"),
                attribute(CONNECTING, &[8_u32.to_ne_bytes(), 0_u32.to_ne_bytes()].concat()),
                attribute(QUEUES, &[2_u32.to_ne_bytes(), 128_u32.to_ne_bytes()].concat()),
                attribute(UID, &33_u32.to_ne_bytes()),
            ],
        );
        let sockets = decode(&message, 7).unwrap();
        let [listener, first, second] = sockets.as_slice() else { panic!("{sockets:?}") };
        assert!(listener.is_server() && listener.inode == 4711 && listener.uid == Some(33));
        assert_eq!((listener.recv_q, listener.send_q), (Some(2), None));
        assert_eq!(listener.accept_queue, Some(AcceptQueue { limit: 128, drops: None }));
        assert_eq!((first.peer, second.peer, first.inode), (Some(8), None, 0));
        assert!(sockets.iter().all(|socket| socket.name.to_string() == "/run/a.sock"));
    }

    #[test]
    fn a_name_is_bytes_and_makes_no_other_socket() {
        let name = b"\0z\n0: 2 0 10000 1 1 4712 /run/docker.sock";
        let sockets = decode(&message(1, TCP_LISTEN, &[attribute(NAME, name)]), 7).unwrap();
        assert_eq!(sockets.len(), 1);
        assert_eq!(sockets[0].name.to_string(), "@z\\x0a0: 2 0 10000 1 1 4712 /run/docker.sock");
    }

    #[test]
    fn a_truncated_message_is_an_error() {
        let message = message(1, TCP_ESTABLISHED, &[attribute(PEER, &[1, 0, 0, 0])]);
        assert_eq!(decode(&message, 7).unwrap()[0].peer, Some(1));
        for length in (0..MESSAGE_BYTES).chain(MESSAGE_BYTES + 1..message.len()) {
            assert!(decode(&message[..length], 7).is_err(), "{length}");
        }
    }
}
