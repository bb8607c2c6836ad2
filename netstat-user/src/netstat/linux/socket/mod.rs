//! A socket as the kernel shows it, and netstat's names for its protocol, state and flags.

mod unix;
mod unix_name;

use std::{net::SocketAddr, sync::LazyLock};

use crate::{
    model::{Family, InterfaceName, State},
    readers::{kernel_version, proc_net::Timer},
};

pub use unix::{UnixSocket, UnixSource, UnixState};
pub use unix_name::UnixName;

/// Whether the kernel keeps the user of a socket that no file refers to any more (`sk_uid`, include/net/sock.h, since
/// 6.17). Before, it reports 0 for all of them (`sock_i_uid`, net/core/sock.c).
static KEEPS_UID_OF_ORPHANS: LazyLock<bool> =
    LazyLock::new(|| kernel_version::running().is_some_and(|version| version >= (6, 17)));
/// The kernel's number of a timewait socket's timer.
const TIMEWAIT_TIMER: u8 = 3;

/// The protocol and the family of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proto {
    /// The protocol above IP.
    pub transport: Transport,
    /// Whether it is an IPv6 socket, which may carry IPv4 packets.
    pub ipv6: bool,
}

/// A protocol above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// UDP-Lite.
    UdpLite,
    /// IP itself; the port is the number of the protocol above it.
    Raw,
}

impl Proto {
    /// The protocol's name as netstat prints it.
    pub fn name(self) -> &'static str {
        match (self.transport, self.ipv6) {
            (Transport::Tcp, false) => "tcp",
            (Transport::Tcp, true) => "tcp6",
            (Transport::Udp, false) => "udp",
            (Transport::Udp, true) => "udp6",
            (Transport::UdpLite, false) => "udpl",
            (Transport::UdpLite, true) => "udpl6",
            (Transport::Raw, false) => "raw",
            (Transport::Raw, true) => "raw6",
        }
    }
}

/// A socket of TCP, UDP, UDP-Lite or IP itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetSocket {
    /// The protocol.
    pub proto: Proto,
    /// The local address as the socket has it (IPv4-mapped stays IPv6), and the port in host order; 0 is no port.
    pub local: SocketAddr,
    /// The remote address and port; zeros for a socket without a peer.
    pub remote: SocketAddr,
    /// The kernel's number of the state (include/net/tcp_states.h); UDP uses 1 and 7.
    pub state: u8,
    /// Bytes that the process has not read; of a listener, connections that it has not accepted.
    pub recv_q: u32,
    /// Bytes that the peer has not acknowledged.
    pub send_q: u32,
    /// A listener's queue of connections; None if the source doesn't show it.
    pub accept_queue: Option<AcceptQueue>,
    /// The timer.
    pub timer: Timer,
    /// User id as the kernel reports it, which netstat shows: 0 also where there is none. See [`Self::known_uid`].
    pub uid: u32,
    /// Inode number; 0 if the socket has no file.
    pub inode: u64,
    /// The interface that it is bound to, or that its link-local address belongs to; None if not known.
    pub interface: Option<InterfaceName>,
    /// Inode number of its network namespace.
    pub netns: u32,
}

/// The connections that a listener has not accepted yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptQueue {
    /// The longest that the queue may be.
    pub limit: u32,
    /// The connections and segments that were dropped, for whatever reason; None if the source doesn't show it.
    pub drops: Option<u32>,
}

impl InetSocket {
    /// The user. A timewait socket has none, nor has a half-open connection.
    pub fn known_uid(&self) -> Option<u32> {
        let is_tcp = self.proto.transport == Transport::Tcp;
        let has_file = self.inode != 0;
        let is_known = match self.state() {
            _ if has_file || !is_tcp => true,
            _ if self.timer.kind == TIMEWAIT_TIMER => false,
            State::SynRecv | State::TimeWait => false,
            _ => self.uid != 0 || *KEEPS_UID_OF_ORPHANS,
        };
        is_known.then_some(self.uid)
    }

    /// Whether bind() gave the TCP socket a port, and it neither listens nor connects.
    pub fn is_only_bound(&self) -> bool {
        self.proto.transport == Transport::Tcp && self.state() == State::Close && self.remote.port() == 0
    }

    /// The family of the packets it carries.
    pub fn family(&self) -> Family {
        let is_ipv4 = |addr: SocketAddr| addr.ip().to_canonical().is_ipv4();
        if is_ipv4(self.local) || is_ipv4(self.remote) { Family::Ipv4 } else { Family::Ipv6 }
    }

    /// The state; meaningful for TCP only.
    pub fn state(&self) -> State {
        State::from_kernel(self.state)
    }

    /// netstat's name of the state. UDP sockets have one that is named; those of IP itself have a number instead.
    pub fn state_name(&self) -> &'static str {
        match (self.proto.transport, self.state()) {
            (Transport::Tcp, state) => state.name(),
            (_, State::Established) => State::Established.name(),
            (_, State::Close) => "",
            _ => State::Unknown.name(),
        }
    }

    /// Whether it is a listener, or a socket without a peer: as netstat sees it, which has no sockets that are only bound.
    pub fn is_server(&self) -> bool {
        match self.proto.transport {
            Transport::Tcp => self.remote.port() == 0,
            _ => self.remote.ip().is_unspecified(),
        }
    }
}
