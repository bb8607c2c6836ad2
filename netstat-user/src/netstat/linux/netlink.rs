//! netlink(7): dump requests, and the messages that answer them.

use anyhow::{Context as _, Result, bail, ensure};
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink::SocketAddrNetlink,
};

/// Message types and flags (include/uapi/linux/netlink.h).
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
/// Size of `struct nlmsghdr`.
const HEADER: usize = 16;
/// The kernel sends at most 32 KiB at once (`netlink_dump`, net/netlink/af_netlink.c).
const BUFFER_BYTES: usize = 64 << 10;

/// Sends a dump request to a netlink protocol (None: NETLINK_ROUTE, which is 0) in the calling thread's network namespace,
/// and calls `each` with the payload of each message of the answer.
///
/// # Errors
/// The kernel lacks the protocol or refuses, or `each` fails.
pub fn dump(
    protocol: Option<Protocol>,
    kind: u16,
    payload: &[u8],
    mut each: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    let request = request(kind, payload);
    rustix::net::sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let (_, length) = rustix::net::recv(&socket, &mut buffer[..], RecvFlags::TRUNC)?;
        let datagram = buffer.get(..length).context("a netlink datagram is longer than the kernel sends")?;
        for message in Messages(datagram) {
            match message? {
                (NLMSG_DONE, _) => return Ok(()),
                (NLMSG_ERROR, _) => bail!("the kernel refuses to answer over netlink"),
                (_, payload) => each(payload)?,
            }
        }
    }
}

/// `struct nlmsghdr`, and the payload.
fn request(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = (HEADER + payload.len()) as u32;
    let mut request = length.to_ne_bytes().to_vec();
    request.extend(kind.to_ne_bytes());
    request.extend(NLM_F_REQUEST_DUMP.to_ne_bytes());
    request.resize(HEADER, 0);
    request.extend(payload);
    request
}

/// The messages of a datagram: type and payload of each.
struct Messages<'a>(&'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Result<(u16, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| {
            let length = u32_at(self.0, 0).context("the kernel sent a truncated netlink message")? as usize;
            ensure!((HEADER..=self.0.len()).contains(&length), "the kernel sent a truncated netlink message");
            let kind = u16::from_ne_bytes([self.0[4], self.0[5]]);
            let payload = &self.0[HEADER..length];
            self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
            Ok((kind, payload))
        })
    }
}

/// The attributes after a message: type and value of each, up to one that is truncated.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?);
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The u32 at an offset, in the machine's byte order; None beyond the end.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncated_messages_are_errors_and_not_read_beyond_their_end() {
        let whole = request(20, &[0; 56]);
        assert_eq!(Messages(&whole).filter(Result::is_ok).count(), 1);
        for length in 1..whole.len() {
            assert!(Messages(&whole[..length]).next().is_some_and(|message| message.is_err()), "{length}");
        }
    }

    #[test]
    fn attributes_end_at_one_that_is_truncated() {
        let mut bytes = vec![8, 0, 4, 0, 1, 2, 3, 4];
        bytes.extend([6, 0, 3, 0, b'l', b'o', 0, 0]);
        assert_eq!(attributes(&bytes).collect::<Vec<_>>(), [(4, &[1, 2, 3, 4][..]), (3, b"lo")]);
        assert_eq!(attributes(&bytes[..13]).count(), 1);
        assert_eq!(attributes(&[0; 4]).count(), 0);
    }
}
