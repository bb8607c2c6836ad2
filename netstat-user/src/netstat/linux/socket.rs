//! A socket as the kernel shows it, and netstat's names for its protocol, state and flags.

use std::net::SocketAddr;

use crate::{
    model::{Family, State},
    readers::proc_net::Timer,
};

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
    /// The timer.
    pub timer: Timer,
    /// User id.
    pub uid: u32,
    /// Inode number; 0 if the socket has no file.
    pub inode: u64,
    /// Inode number of its network namespace.
    pub netns: u32,
}

impl InetSocket {
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

    /// Whether it is a listener, or a socket without a peer.
    pub fn is_server(&self) -> bool {
        match self.proto.transport {
            Transport::Tcp => self.remote.port() == 0,
            _ => self.remote.ip().is_unspecified(),
        }
    }
}

/// A UNIX domain socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// Reference count.
    pub references: u64,
    /// Bit 16: listens; 17: waits for data; 18: has no space (`__SO_ACCEPTCON`, include/uapi/linux/net.h, and the former
    /// SO_WAITDATA and SO_NOSPACE).
    pub flags: u64,
    /// SOCK_STREAM and so on (include/linux/net.h).
    pub kind: u64,
    /// SS_UNCONNECTED and so on (include/uapi/linux/net.h).
    pub state: u64,
    /// Inode number.
    pub inode: u64,
    /// The name: arbitrary bytes; an abstract name begins with `@`; empty if the socket has none.
    pub path: Vec<u8>,
    /// Inode number of its network namespace.
    pub netns: u32,
}

impl UnixSocket {
    const ACCEPTS: u64 = 1 << 16;
    const WAITS_FOR_DATA: u64 = 1 << 17;
    const HAS_NO_SPACE: u64 = 1 << 18;
    const SS_UNCONNECTED: u64 = 1;

    /// Whether it is a listener.
    pub fn is_server(&self) -> bool {
        self.state == Self::SS_UNCONNECTED && self.flags & Self::ACCEPTS != 0
    }

    /// netstat's name of the state.
    pub fn state_name(&self) -> &'static str {
        match self.state {
            0 => "FREE",
            Self::SS_UNCONNECTED if self.is_server() => "LISTENING",
            Self::SS_UNCONNECTED => "",
            2 => "CONNECTING",
            3 => "CONNECTED",
            4 => "DISCONNECTING",
            _ => "UNKNOWN",
        }
    }

    /// netstat's name of the type.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            1 => "STREAM",
            2 => "DGRAM",
            3 => "RAW",
            4 => "RDM",
            5 => "SEQPACKET",
            _ => "UNKNOWN",
        }
    }

    /// netstat's letters for the flags.
    pub fn flag_letters(&self) -> String {
        let mut letters = "[ ".to_owned();
        for (flag, letter) in
            [(Self::ACCEPTS, "ACC "), (Self::WAITS_FOR_DATA, "W "), (Self::HAS_NO_SPACE, "N ")]
        {
            if self.flags & flag != 0 {
                letters.push_str(letter);
            }
        }
        letters.push(']');
        letters
    }
}
