//! A TCP socket that a test controls step by step. No call blocks longer than the tests' deadline.
//!
//! The kernel doesn't restart a call with a timeout that a stop of the process (SIGSTOP, a frozen cgroup) has
//! interrupted (signal(7)). Such calls are repeated here.

use std::{
    mem::size_of,
    net::SocketAddr,
    os::fd::{AsFd as _, AsRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result, ensure};
use rustix::{
    io::{Errno, retry_on_intr},
    net::{
        AddressFamily, Protocol, RecvFlags, SendFlags, Shutdown, SocketFlags, SocketType, ipproto, sockopt,
    },
};

use crate::{state, state::State, wait};

/// A socket, closed when dropped.
pub struct Sock(OwnedFd);

impl From<OwnedFd> for Sock {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl Sock {
    /// A TCP socket of the address's family.
    pub fn tcp(family_of: SocketAddr) -> Result<Self> {
        Self::new(family_of, ipproto::TCP)
    }

    /// An MPTCP socket of the address's family.
    pub fn mptcp(family_of: SocketAddr) -> Result<Self> {
        Self::new(family_of, ipproto::MPTCP)
    }

    fn new(family_of: SocketAddr, protocol: Protocol) -> Result<Self> {
        let family = if family_of.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC;
        let fd =
            rustix::net::socket_with(family, SocketType::STREAM, flags, Some(protocol)).context("socket")?;
        Self::bounded(fd)
    }

    fn bounded(fd: OwnedFd) -> Result<Self> {
        for timeout in [sockopt::Timeout::Recv, sockopt::Timeout::Send] {
            sockopt::set_socket_timeout(&fd, timeout, Some(wait::deadline()))?;
        }
        Ok(Self(fd))
    }

    /// A TCP socket that listens at the address.
    pub fn listening(at: SocketAddr, backlog: i32) -> Result<Self> {
        let sock = Self::tcp(at)?;
        sock.bind(at)?;
        sock.listen(backlog)?;
        Ok(sock)
    }

    /// A TCP socket that is connected to the address.
    pub fn connected(to: SocketAddr) -> Result<Self> {
        let sock = Self::tcp(to)?;
        sock.connect(to)?;
        Ok(sock)
    }

    /// bind(), with SO_REUSEADDR. Waits while the address is in use: a process that another test has just forked
    /// keeps a copy of a closed listener until it calls exec().
    pub fn bind(&self, at: SocketAddr) -> Result<()> {
        sockopt::set_socket_reuseaddr(&self.0, true)?;
        wait::until(&format!("{at} is free"), || match rustix::net::bind(&self.0, &at) {
            Err(Errno::ADDRINUSE) => Ok(None),
            outcome => outcome.map(Some).with_context(|| format!("bind to {at}")),
        })
    }

    /// listen().
    pub fn listen(&self, backlog: i32) -> Result<()> {
        rustix::net::listen(&self.0, backlog).context("listen")
    }

    /// connect(), blocking.
    pub fn connect(&self, to: SocketAddr) -> Result<()> {
        retry_on_intr(|| rustix::net::connect(&self.0, &to)).with_context(|| format!("connect to {to}"))
    }

    /// connect(), which must fail with this error.
    pub fn connect_fails(&self, to: SocketAddr, with: Errno) -> Result<()> {
        let outcome = retry_on_intr(|| rustix::net::connect(&self.0, &to));
        ensure!(outcome == Err(with), "connect to {to} gave {outcome:?}, not {with:?}");
        Ok(())
    }

    /// connect() that doesn't wait for the handshake.
    pub fn start_connect(&self, to: SocketAddr) -> Result<()> {
        rustix::io::ioctl_fionbio(&self.0, true)?;
        self.connect_fails(to, Errno::INPROGRESS)?;
        Ok(rustix::io::ioctl_fionbio(&self.0, false)?)
    }

    /// connect() to AF_UNSPEC: ends the connection and keeps the socket.
    pub fn disconnect(&self) -> Result<()> {
        rustix::net::connect_unspec(&self.0).context("connect to AF_UNSPEC")
    }

    /// accept().
    pub fn accept(&self) -> Result<Self> {
        let fd =
            retry_on_intr(|| rustix::net::accept_with(&self.0, SocketFlags::CLOEXEC)).context("accept")?;
        Self::bounded(fd)
    }

    /// Sends all bytes.
    pub fn send(&self, bytes: &[u8]) -> Result<()> {
        let sent =
            retry_on_intr(|| rustix::net::send(&self.0, bytes, SendFlags::NOSIGNAL)).context("send")?;
        ensure!(sent == bytes.len(), "only {sent} of {} bytes were sent", bytes.len());
        Ok(())
    }

    /// Connects and sends in one call. With Fast Open the bytes are in the SYN.
    pub fn send_with_syn(&self, bytes: &[u8], to: SocketAddr) -> Result<()> {
        let flags = SendFlags::NOSIGNAL | SendFlags::from_bits_retain(libc::MSG_FASTOPEN.cast_unsigned());
        retry_on_intr(|| rustix::net::sendto(&self.0, bytes, flags, &to))
            .with_context(|| format!("sendto {to}"))?;
        Ok(())
    }

    /// Receives exactly so many bytes.
    pub fn receive(&self, count: usize) -> Result<()> {
        let mut buffer = vec![0; count];
        let mut received = 0;
        while received < count {
            let more = self.recv(&mut buffer[received..], RecvFlags::WAITALL).context("recv")?;
            ensure!(more > 0, "received {received} bytes, not {count}");
            received += more;
        }
        Ok(())
    }

    fn recv(&self, into: &mut [u8], flags: RecvFlags) -> rustix::io::Result<usize> {
        retry_on_intr(|| rustix::net::recv(&self.0, &mut *into, flags).map(|(_, received)| received))
    }

    /// Waits for data and leaves it unread.
    pub fn peek(&self) -> Result<()> {
        let waiting = self.recv(&mut [0; 1], RecvFlags::PEEK).context("recv")?;
        ensure!(waiting == 1, "the peer closed without data");
        Ok(())
    }

    /// Waits for the peer's FIN.
    pub fn receive_fin(&self) -> Result<()> {
        let received = self.recv(&mut [0; 1], RecvFlags::empty()).context("recv of a FIN")?;
        ensure!(received == 0, "the peer sent data, not a FIN");
        Ok(())
    }

    /// Waits until the connection fails with this error.
    pub fn receive_fails(&self, with: Errno) -> Result<()> {
        let outcome = self.recv(&mut [0; 1], RecvFlags::empty());
        ensure!(outcome == Err(with), "recv gave {outcome:?}, not {with:?}");
        Ok(())
    }

    /// shutdown(SHUT_WR): sends a FIN.
    pub fn shutdown_write(&self) -> Result<()> {
        rustix::net::shutdown(&self.0, Shutdown::Write).context("shutdown(SHUT_WR)")
    }

    /// shutdown(SHUT_RD).
    pub fn shutdown_read(&self) -> Result<()> {
        rustix::net::shutdown(&self.0, Shutdown::Read).context("shutdown(SHUT_RD)")
    }

    /// close().
    pub fn close(self) {
        drop(self);
    }

    /// close() that sends an RST: SO_LINGER with zero seconds.
    pub fn reset(self) -> Result<()> {
        sockopt::set_socket_linger(&self.0, Some(std::time::Duration::ZERO))?;
        self.close();
        Ok(())
    }

    /// Its local address.
    pub fn local(&self) -> Result<SocketAddr> {
        Ok(rustix::net::getsockname(&self.0)?.try_into()?)
    }

    /// Sets an integer option.
    pub fn option(&self, level: i32, name: i32, value: i32) -> Result<()> {
        let length = libc::socklen_t::try_from(size_of::<i32>())?;
        // SAFETY: the pointer is to an i32 that outlives the call, and the length is its size.
        let outcome =
            unsafe { libc::setsockopt(self.0.as_raw_fd(), level, name, (&raw const value).cast(), length) };
        ensure!(outcome == 0, "setsockopt({level}, {name}, {value}): {}", std::io::Error::last_os_error());
        Ok(())
    }

    /// Its state, from TCP_INFO.
    pub fn state(&self) -> Result<State> {
        state::from_kernel(self.tcp_info()?[0].into())
    }

    /// The first bytes of its `struct tcp_info`.
    fn tcp_info(&self) -> Result<[u8; 8]> {
        let mut info = [0_u8; 8];
        let mut length = libc::socklen_t::try_from(info.len())?;
        // SAFETY: the kernel writes at most `length` bytes, which is the array's size.
        let outcome = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::IPPROTO_TCP,
                libc::TCP_INFO,
                info.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        ensure!(outcome == 0, "getsockopt(TCP_INFO): {}", std::io::Error::last_os_error());
        Ok(info)
    }

    /// How often its oldest unacknowledged segment was sent again, from TCP_INFO.
    pub fn retransmits(&self) -> Result<u8> {
        // `tcpi_retransmits` (include/uapi/linux/tcp.h).
        Ok(self.tcp_info()?[2])
    }

    /// Waits until it is in the state.
    pub fn wait_for(&self, wanted: State) -> Result<()> {
        wait::until(&format!("the socket is {wanted}"), || Ok((self.state()? == wanted).then_some(())))
    }

    /// How many of the sent bytes the peer has not acknowledged yet.
    pub fn unacknowledged(&self) -> Result<i32> {
        let mut count = 0;
        // SAFETY: TIOCOUTQ (SIOCOUTQ on a socket) writes one i32, which outlives the call.
        let outcome = unsafe { libc::ioctl(self.0.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
        ensure!(outcome == 0, "ioctl(SIOCOUTQ): {}", std::io::Error::last_os_error());
        Ok(count)
    }

    /// Its descriptor, for options that only one test sets.
    pub fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}
