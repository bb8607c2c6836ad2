//! What rnetstat has been asked to do: checked, and without a trace of how it was written.

use crate::{filter::Filter, model::State, netstat::explain::Language};

/// What rnetstat has been asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is shown.
    pub mode: Mode,
    /// What is shown as a number although it may have a name.
    pub numeric: Numeric,
    /// Again every second, until interrupted.
    pub continuous: bool,
    /// JSON Lines instead of columns.
    pub json: bool,
    /// Whether text for people has colours.
    pub color: bool,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Sockets.
    Sockets(Box<SocketsRequest>),
    /// `-r`.
    Routes(RoutesRequest),
    /// `-i`; true with `-a`: those that are down too.
    Interfaces(bool),
    /// `-s`.
    Statistics(StatisticsRequest),
    /// `explain`.
    Explain {
        /// The state; None for the diagram with the host's counts.
        state: Option<State>,
        /// In which language.
        language: Language,
    },
}

/// What is shown as a number although it may have a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numeric {
    /// Addresses and networks.
    pub hosts: bool,
    /// Ports.
    pub ports: bool,
    /// Users.
    pub users: bool,
}

/// Address families; both if nothing was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

/// Which sockets, and what of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketsRequest {
    /// `-t`, or no kind at all was named.
    pub tcp: bool,
    /// `-u`.
    pub udp: bool,
    /// `-U`.
    pub udplite: bool,
    /// `-w`.
    pub raw: bool,
    /// `-x`.
    pub unix: bool,
    /// Of the sockets' families (an IPv6 socket may have IPv4 packets).
    pub families: Families,
    /// Servers or connections.
    pub which: Which,
    /// `-p`.
    pub programs: bool,
    /// `-e`.
    pub extended: bool,
    /// `-o`.
    pub timers: bool,
    /// `-W`.
    pub wide: bool,
    /// `--all-netns`.
    pub all_netns: bool,
    /// `--summary`.
    pub summary: bool,
    /// The filters.
    pub filter: Filter,
}

impl SocketsRequest {
    /// Whether any Internet socket is asked for.
    pub fn internet(&self) -> bool {
        self.tcp || self.udp || self.udplite || self.raw
    }
}

/// Servers or connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// `-a`.
    All,
    /// `-l`.
    Listening,
    /// Neither.
    Connected,
}

/// Which routes, and what of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutesRequest {
    /// IPv4's table first.
    pub families: Families,
    /// How often `-e` was said.
    pub extended: u8,
}

/// Which counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatisticsRequest {
    /// IPv6's instead of IPv4's.
    pub ipv6: bool,
    /// IP and ICMP.
    pub raw: bool,
    /// TCP.
    pub tcp: bool,
    /// UDP.
    pub udp: bool,
}
