//! Captures the TCP segments of network namespaces: packet sockets (packet(7)), which the kernel gives each packet that a
//! device of the namespace sends or receives. The oracle for who ended a connection.

use std::{
    cell::RefCell,
    io,
    mem::size_of,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result, ensure};
use rustix::time::{ClockId, clock_gettime};

use crate::{netns::Namespace, segment::Segment};

thread_local! {
    /// The captures of the scenario that this thread runs.
    static CAPTURES: RefCell<Option<Vec<Capture>>> = const { RefCell::new(None) };
}

/// Memory for packets that are not read yet, bytes.
const BUFFER: i32 = 256 << 20;
/// The headers of a segment; the kernel cuts off the rest.
const MAX_HEADERS: usize = 256;

/// A running capture in one namespace. The packets wait in the kernel until they are read.
pub struct Capture {
    socket: OwnedFd,
    netns: u32,
}

/// Runs a scenario on this thread, and captures what the namespace sends and receives meanwhile and until the captures are
/// dropped; so for each namespace that [`also`] names.
pub fn during(netns: &Namespace, run: impl FnOnce() -> Result<()>) -> Result<Vec<Capture>> {
    CAPTURES.set(Some(vec![Capture::start(netns)?]));
    let outcome = run();
    let captures = CAPTURES.take().unwrap_or_default();
    outcome.map(|()| captures)
}

/// Captures in another namespace of the scenario too.
pub fn also(netns: &Namespace) -> Result<()> {
    CAPTURES.with_borrow_mut(|captures| {
        if let Some(captures) = captures {
            captures.push(Capture::start(netns)?);
        }
        Ok(())
    })
}

impl Capture {
    /// Captures what the namespace sends and receives from now on. The first capture of a host has the right times only after
    /// some milliseconds: a work queue enables the time stamps (`net_enable_timestamp`, net/core/dev.c).
    pub fn start(netns: &Namespace) -> Result<Self> {
        let socket = netns.run(|| {
            let protocol = i32::from(u16::try_from(libc::ETH_P_ALL)?.to_be());
            // SAFETY: the call has no pointers.
            let fd =
                unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, protocol) };
            ensure!(fd >= 0, "a packet socket: {}", io::Error::last_os_error());
            // SAFETY: the descriptor is new and belongs to nothing else.
            Ok(unsafe { OwnedFd::from_raw_fd(fd) })
        })?;
        for (name, value) in [(libc::SO_RCVBUFFORCE, BUFFER), (libc::SO_TIMESTAMPNS, 1)] {
            let length = libc::socklen_t::try_from(size_of::<i32>())?;
            let pointer = (&raw const value).cast();
            // SAFETY: the pointer is to an i32 that outlives the call, and the length is its size.
            let outcome =
                unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, pointer, length) };
            ensure!(outcome == 0, "setsockopt({name}): {}", io::Error::last_os_error());
        }
        Ok(Self { socket, netns: netns.inum()? })
    }

    /// Inode number of the namespace.
    pub fn netns(&self) -> u32 {
        self.netns
    }

    /// The segments so far, in the order of capture.
    pub fn read(&self) -> Result<Vec<Segment>> {
        let mut segments = Vec::new();
        while let Some(segment) = self.next().context("reading a packet socket")? {
            segments.extend(segment);
        }
        Ok(segments)
    }

    /// The next packet; `Some(None)` if it is no TCP segment, or one of loopback that was captured when it was sent.
    fn next(&self) -> io::Result<Option<Option<Segment>>> {
        let mut packet = [0_u8; MAX_HEADERS];
        let mut control = [0_u64; 16];
        let mut part = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: packet.len() };
        // SAFETY: all zeroes is a valid sockaddr_ll.
        let mut from: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        // SAFETY: all zeroes is a valid msghdr, without any buffers.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_name = (&raw mut from).cast();
        message.msg_namelen = u32::try_from(size_of::<libc::sockaddr_ll>()).unwrap_or(0);
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control);
        // SAFETY: all buffers outlive the call and have the sizes that the message gives.
        let length = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
        let Ok(length) = usize::try_from(length) else {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::WouldBlock { Ok(None) } else { Err(error) };
        };
        let is_second_copy =
            from.sll_hatype == libc::ARPHRD_LOOPBACK && from.sll_pkttype != libc::PACKET_OUTGOING;
        if is_second_copy {
            return Ok(Some(None));
        }
        Ok(Some(Segment::parse(&packet[..length.min(packet.len())], captured_at(&message))))
    }
}

/// What the clock of the time stamps, CLOCK_REALTIME, is ahead of CLOCK_MONOTONIC, nanoseconds: of several measurements the
/// one that was interrupted least.
pub fn ahead_of_monotonic_ns() -> i64 {
    let nanoseconds = |clock| {
        let now = clock_gettime(clock);
        now.tv_sec * 1_000_000_000 + now.tv_nsec
    };
    let measurements = (0..100).map(|_| {
        let before = nanoseconds(ClockId::Monotonic);
        let wall = nanoseconds(ClockId::Realtime);
        let after = nanoseconds(ClockId::Monotonic);
        (after - before, wall - before)
    });
    measurements.min().map_or(0, |(_, ahead)| ahead)
}

/// The time stamp of a packet: CLOCK_REALTIME, nanoseconds.
fn captured_at(message: &libc::msghdr) -> i64 {
    // SAFETY: `recvmsg` has filled in the message and its control buffer, which still exists.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: it is not null, and the kernel has written a whole header there.
        let (level, kind) = unsafe { ((*header).cmsg_level, (*header).cmsg_type) };
        if (level, kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
            // SAFETY: the kernel has written a timespec behind this header; the read needs no alignment.
            let time = unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() };
            return time.tv_sec * 1_000_000_000 + time.tv_nsec;
        }
        // SAFETY: the message and the header are those of `recvmsg`.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    0
}
