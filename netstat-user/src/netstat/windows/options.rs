//! What rnetstat has been asked to do: checked, and without a trace of how it was written.

use std::time::Duration;

use clap::ValueEnum;

use crate::{
    filter::Filter,
    model::{Family, State},
    netstat::explain::Language,
};

/// What rnetstat has been asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetstatOptions {
    /// What is shown.
    pub mode: Mode,
    /// Again after this time, until interrupted.
    pub interval: Option<Duration>,
    /// JSON Lines instead of columns.
    pub json: bool,
    /// Whether text for people has colours.
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
        /// The state; None for the diagram with the host's counts.
        state: Option<State>,
        /// In which language.
        language: Language,
    },
}

/// Which sockets, and what of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// `-a`: listeners and UDP too.
    pub all: bool,
    /// `-n`.
    pub numeric: bool,
    /// `-f`: whole names of hosts.
    pub full_names: bool,
    /// `-o`.
    pub owners: bool,
    /// `-p`.
    pub protocol: Option<(Transport, Family)>,
    /// `--summary`.
    pub summary: bool,
    /// The filters.
    pub filter: Filter,
}

/// Which counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterOptions {
    /// `-e`.
    pub interfaces: bool,
    /// `-s`.
    pub statistics: bool,
    /// `-p`: of one protocol only.
    pub protocol: Option<Protocol>,
}

/// What has sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A protocol that has counters, by netstat's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// IPv4.
    #[value(name = "IP")]
    Ip,
    /// IPv6.
    #[value(name = "IPv6")]
    Ipv6,
    /// ICMP of IPv4.
    #[value(name = "ICMP")]
    Icmp,
    /// ICMP of IPv6.
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
    /// netstat's name.
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Its sockets; None if it has none.
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
