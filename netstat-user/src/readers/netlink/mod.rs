//! netlink(7): dumps of the kernel's tables. An answer that ends with an error is an error, never a shorter table.
//!
//! The headers of messages and attributes are read by netlink-packet-core. The payloads are decoded here: the crates for
//! those keep names of interfaces as UTF-8 text, and lose a whole message for one attribute that they don't understand.

mod attributes;
pub(crate) mod links;

use std::io;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use netlink_packet_core::{
    DoneBuffer, ErrorBuffer, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP,
    NetlinkBuffer,
};
use rustix::{
    fd::OwnedFd,
    io::retry_on_intr,
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink::SocketAddrNetlink,
    },
};

#[cfg(test)]
pub use attributes::attribute;
pub use attributes::{Attributes, i32_at, u16_at, u32_at, u64_at};
pub use links::{Counters, Direction, Link, Links};

/// Size of `struct nlmsghdr` (include/uapi/linux/netlink.h).
const HEADER_BYTES: usize = 16;
/// The kernel sends at most 32 KiB at once (`netlink_dump`, net/netlink/af_netlink.c).
const BUFFER_BYTES: usize = 64 << 10;
/// How often a table is read that changes meanwhile. A table that changes all the time is never consistent.
const MAX_TRIES: usize = 8;

/// A request to dump a table.
pub struct Request<'a> {
    /// The netlink protocol; None: NETLINK_ROUTE, which is 0.
    pub protocol: Option<Protocol>,
    /// The type of the request.
    pub kind: u16,
    /// The type of the messages that answer.
    pub answer: u16,
    /// The payload of the request.
    pub payload: &'a [u8],
}

/// A table.
#[derive(Debug)]
pub struct Dump<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Whether the table changed each time it was read, so that entries may be missing or there twice
    /// (NLM_F_DUMP_INTR).
    pub is_inconsistent: bool,
}

/// Asks for a table of the calling thread's network namespace, again if it changes while it is read. `decode` makes an
/// entry of a message's payload, or None.
///
/// # Errors
/// The kernel lacks the protocol or refuses, an error ends the dump before its end, or a message is malformed.
pub fn dump<T>(request: &Request<'_>, mut decode: impl FnMut(&[u8]) -> Result<Option<T>>) -> Result<Dump<T>> {
    for _ in 1..MAX_TRIES {
        let dump = once(request, &mut decode)?;
        if !dump.is_inconsistent {
            return Ok(dump);
        }
    }
    once(request, &mut decode)
}

/// A socket that receives from the kernel only: netlink drops what other processes send to a connected socket
/// (`netlink_getsockbyportid`, net/netlink/af_netlink.c).
fn connect(protocol: Option<Protocol>) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, protocol)?;
    rustix::net::connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    Ok(socket)
}

/// Asks once, on a socket of its own: what an answer leaves on it can't be taken for the next one.
fn once<T>(request: &Request<'_>, decode: &mut impl FnMut(&[u8]) -> Result<Option<T>>) -> Result<Dump<T>> {
    let socket = connect(request.protocol).context("can't open a netlink socket")?;
    let asked = message(request);
    retry_on_intr(|| rustix::net::send(&socket, &asked, SendFlags::empty()))
        .context("can't ask the kernel over netlink")?;
    let mut dump = Dump { entries: Vec::new(), is_inconsistent: false };
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let (_, length) = retry_on_intr(|| rustix::net::recv(&socket, &mut buffer[..], RecvFlags::TRUNC))
            .context("can't receive over netlink")?;
        let datagram = buffer.get(..length).context("a netlink datagram is longer than the kernel sends")?;
        if read(datagram, request.answer, decode, &mut dump)? {
            return Ok(dump);
        }
    }
}

/// Adds what a datagram has; returns whether it ends the dump.
pub(crate) fn read<T>(
    mut datagram: &[u8],
    answer: u16,
    decode: &mut impl FnMut(&[u8]) -> Result<Option<T>>,
    dump: &mut Dump<T>,
) -> Result<bool> {
    ensure!(!datagram.is_empty(), "the kernel sent an empty netlink datagram");
    while !datagram.is_empty() {
        let message = NetlinkBuffer::new_checked(datagram).map_err(|error| anyhow!("{error}"))?;
        dump.is_inconsistent |= message.flags() & NLM_F_DUMP_INTR != 0;
        let payload = message.payload();
        match message.message_type() {
            NLMSG_DONE => return done(payload).map(|()| true),
            NLMSG_ERROR => return refused(payload).map(|()| true),
            NLMSG_NOOP => {}
            kind if kind == answer => dump.entries.extend(decode(payload)?),
            kind => bail!("the kernel sent an unexpected netlink message (type {kind})"),
        }
        let end = (message.length() as usize).next_multiple_of(4);
        datagram = datagram.get(end..).unwrap_or_default();
    }
    Ok(false)
}

/// The end of a dump: its payload is 0, or the error that ended it.
fn done(payload: &[u8]) -> Result<()> {
    let code = DoneBuffer::new_checked(payload).map_err(|error| anyhow!("{error}"))?.code();
    if code < 0 {
        let error = io::Error::from_raw_os_error(code.wrapping_neg());
        return Err(error).context("the kernel ended its answer with an error");
    }
    // `netlink_dump` (net/netlink/af_netlink.c, 6.18) goes on after a positive code.
    ensure!(code == 0, "the kernel ended its answer before its end (code {code})");
    Ok(())
}

/// `struct nlmsgerr`: a dump is never acknowledged, so that its code is an error.
fn refused(payload: &[u8]) -> Result<()> {
    let message = ErrorBuffer::new_checked(payload).map_err(|error| anyhow!("{error}"))?;
    let code = message.code().context("the kernel acknowledged a request instead of answering it")?;
    let error = io::Error::from_raw_os_error(code.get().wrapping_neg());
    Err(error).context("the kernel refuses to answer over netlink")
}

/// `struct nlmsghdr`, and the payload.
fn message(request: &Request<'_>) -> Vec<u8> {
    let mut message = vec![0; HEADER_BYTES + request.payload.len()];
    let length = message.len() as u32;
    let mut header = NetlinkBuffer::new(&mut message);
    header.set_length(length);
    header.set_message_type(request.kind);
    header.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
    header.payload_mut().copy_from_slice(request.payload);
    message
}

#[cfg(test)]
mod tests;
