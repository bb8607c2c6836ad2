//! What the kernel tells of a socket, before anything is left out or written.

use std::net::IpAddr;

use crate::model::{Family, State};

/// The protocol and the family of a socket, named as netstat names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Proto {
    /// TCP, UDP and so on.
    pub transport: Transport,
    /// Whether it is an IPv6 socket; its packets may still be IPv4.
    pub ipv6: bool,
}

/// What is above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// UDP-Lite.
    UdpLite,
    /// IP itself; the "port" is the protocol's number.
    Raw,
}

impl Proto {
    /// netstat's name.
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

/// An address as the socket has it (IPv4-mapped stays IPv6), and a port in host order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// The address.
    pub addr: IpAddr,
    /// The port; 0 for none.
    pub port: u16,
}

/// A socket of TCP, UDP, UDP-Lite or IP itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InetSocket {
    /// Its protocol.
    pub proto: Proto,
    /// This end.
    pub local: End,
    /// The other end; zeros if it has none.
    pub remote: End,
    /// The kernel's number of its state (include/net/tcp_states.h); UDP uses 1 and 7.
    pub state: u8,
    /// Bytes that nobody has read; of a listener the connections that nobody has accepted.
    pub recv_q: u64,
    /// Bytes that the other end has not acknowledged.
    pub send_q: u64,
    /// Its timer.
    pub timer: Timer,
    /// User id.
    pub uid: u32,
    /// Inode number; 0 if no process has it.
    pub inode: u64,
    /// Inode number of its network namespace.
    pub netns: u32,
}

impl InetSocket {
    /// The family of its packets.
    pub fn family(&self) -> Family {
        let is_ipv4 = |end: &End| end.addr.to_canonical().is_ipv4();
        if is_ipv4(&self.local) || (is_ipv4(&self.remote)) { Family::Ipv4 } else { Family::Ipv6 }
    }

    /// Its state, if it is one of TCP's.
    pub fn state(&self) -> State {
        State::from_kernel(self.state)
    }

    /// What netstat calls its state: UDP has but one that is named, IP's is a number.
    pub fn state_name(&self) -> &'static str {
        match (self.proto.transport, self.state()) {
            (Transport::Tcp, state) => state.name(),
            (_, State::Established) => State::Established.name(),
            (_, State::Close) => "",
            _ => State::Unknown.name(),
        }
    }

    /// Whether it waits for others: a listener, or a socket without another end.
    pub fn is_server(&self) -> bool {
        match self.proto.transport {
            Transport::Tcp => self.remote.port == 0,
            _ => self.remote.addr.is_unspecified(),
        }
    }
}

/// A socket's timer, as /proc/net/tcp has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer {
    /// 0 none, 1 retransmission, 2 keepalive (or linger), 3 TIME_WAIT, 4 zero window probe.
    pub kind: u8,
    /// Until it fires, in clock ticks (sysconf(_SC_CLK_TCK)).
    pub ticks: u64,
    /// Segments sent again without an answer.
    pub retransmits: u64,
    /// Probes without an answer.
    pub probes: u64,
}

/// A socket of the host's own, without a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// How many refer to it.
    pub references: u64,
    /// Bit 16 listens, 17 waits for data, 18 has no space (include/linux/net.h, `__SO_ACCEPTCON`, and the
    /// old SO_WAITDATA and SO_NOSPACE).
    pub flags: u64,
    /// SOCK_STREAM and so on.
    pub kind: u64,
    /// SS_UNCONNECTED and so on (include/uapi/linux/net.h).
    pub state: u64,
    /// Inode number.
    pub inode: u64,
    /// Its name: hostile bytes, an abstract one begins with `@`; empty if it has none.
    pub path: Vec<u8>,
    /// Inode number of its network namespace.
    pub netns: u32,
}

impl UnixSocket {
    const ACCEPTS: u64 = 1 << 16;
    const WAITS_FOR_DATA: u64 = 1 << 17;
    const HAS_NO_SPACE: u64 = 1 << 18;
    const SS_UNCONNECTED: u64 = 1;

    /// Whether it waits for others.
    pub fn is_server(&self) -> bool {
        self.state == Self::SS_UNCONNECTED && self.flags & Self::ACCEPTS != 0
    }

    /// netstat's name of its state.
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

    /// netstat's name of its type (include/linux/net.h).
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

    /// netstat's letters for its flags.
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
