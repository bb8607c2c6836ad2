//! The options of rnetstat on Windows: checked values, independent of the command line's syntax.

use std::time::Duration;

use clap::ValueEnum;

use crate::{
    filter::Filter,
    model::{Family, State},
    netstat::explain::Language,
};

/// The options of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetstatOptions {
    /// What is shown.
    pub mode: Mode,
    /// The pause between two pages, until interrupted; None for a single page.
    pub interval: Option<Duration>,
    /// JSON Lines instead of columns.
    pub json: bool,
    /// Whether columns and `explain` have colours.
    pub color: bool,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Sockets.
    Sockets(Box<SocketOptions>),
    /// `-r`.
    Routes,
    /// `-e`, `-s`, or both.
    Counters(CounterOptions),
    /// `explain`.
    Explain {
        /// The state; None for the diagram with the number of this host's sockets in each state.
        state: Option<State>,
        /// The language of the text.
        language: Language,
    },
}

/// Which sockets are shown, and which columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// `-a`: also listeners and UDP sockets.
    pub all: bool,
    /// `-n`: numbers instead of names.
    pub numeric: bool,
    /// `-f`: fully qualified names of hosts.
    pub full_names: bool,
    /// `-o`: the ids of the processes.
    pub owners: bool,
    /// `-p`; None for all protocols.
    pub protocol: Option<(Transport, Family)>,
    /// `--summary`.
    pub summary: bool,
    /// The filters.
    pub filter: Filter,
}

/// Which counters are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterOptions {
    /// `-e`.
    pub interfaces: bool,
    /// `-s`.
    pub statistics: bool,
    /// `-p`: only the counters of this protocol.
    pub protocol: Option<Protocol>,
}

/// A transport protocol, whose sockets can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A value of `-p`: a protocol with counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// IPv4.
    #[value(name = "IP")]
    Ip,
    /// IPv6.
    #[value(name = "IPv6")]
    Ipv6,
    /// ICMP for IPv4.
    #[value(name = "ICMP")]
    Icmp,
    /// ICMP for IPv6.
    #[value(name = "ICMPv6")]
    Icmpv6,
    /// TCP over IPv4.
    #[value(name = "TCP")]
    Tcp,
    /// TCP over IPv6.
    #[value(name = "TCPv6")]
    Tcpv6,
    /// UDP over IPv4.
    #[value(name = "UDP")]
    Udp,
    /// UDP over IPv6.
    #[value(name = "UDPv6")]
    Udpv6,
}

impl Protocol {
    /// Its name in netstat, as `-p` takes it.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The transport protocol and family of its sockets; None if it has no sockets.
    pub fn sockets(self) -> Option<(Transport, Family)> {
        match self {
            Self::Tcp => Some((Transport::Tcp, Family::Ipv4)),
            Self::Tcpv6 => Some((Transport::Tcp, Family::Ipv6)),
            Self::Udp => Some((Transport::Udp, Family::Ipv4)),
            Self::Udpv6 => Some((Transport::Udp, Family::Ipv6)),
            Self::Ip | Self::Ipv6 | Self::Icmp | Self::Icmpv6 => None,
        }
    }
}
