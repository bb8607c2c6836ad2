//! The options of rnetstat: checked values, independent of the command line's syntax.

use crate::{filter::Filter, model::State, netstat::explain::Language};

/// The options of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetstatOptions {
    /// What is shown.
    pub mode: Mode,
    /// What is shown as a number instead of its name.
    pub numeric: Numeric,
    /// `-c`: repeat every second until interrupted.
    pub continuous: bool,
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
    Routes(RouteOptions),
    /// `-i`; true with `-a`, which adds the interfaces that are down.
    Interfaces(bool),
    /// `-s`.
    Statistics(StatisticsOptions),
    /// `explain`.
    Explain {
        /// The state; None for the diagram with the number of this host's sockets in each state.
        state: Option<State>,
        /// The language of the text.
        language: Language,
    },
}

/// What is shown as a number instead of its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numeric {
    /// Addresses and networks.
    pub hosts: bool,
    /// Ports.
    pub ports: bool,
    /// Users.
    pub users: bool,
}

/// Address families; both if the command line names none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub ipv4: bool,
    /// IPv6.
    pub ipv6: bool,
}

/// Which sockets are shown, and which columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    /// `-t`; this and the next four are all set if the command line names no protocol.
    pub tcp: bool,
    /// `-u`.
    pub udp: bool,
    /// `-U`.
    pub udplite: bool,
    /// `-w`.
    pub raw: bool,
    /// `-x`.
    pub unix: bool,
    /// The families of the sockets (an IPv6 socket may carry IPv4 packets).
    pub families: Families,
    /// Servers, connections or both.
    pub roles: Roles,
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

impl SocketOptions {
    /// All TCP sockets, without a filter.
    pub fn all_tcp() -> Self {
        Self {
            tcp: true,
            udp: false,
            udplite: false,
            raw: false,
            unix: false,
            families: Families { ipv4: true, ipv6: true },
            roles: Roles::All,
            programs: false,
            extended: false,
            timers: false,
            wide: false,
            all_netns: false,
            summary: false,
            filter: Filter::default(),
        }
    }

    /// Whether Internet sockets of any protocol are shown.
    pub fn internet(&self) -> bool {
        self.tcp || self.udp || self.udplite || self.raw
    }
}

/// A server is a listener, or a socket without a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// `-a`: servers and connections.
    All,
    /// `-l`: only servers.
    Servers,
    /// Neither option: only connections.
    Connections,
}

/// Which routes are shown, and which columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteOptions {
    /// IPv4's table comes first.
    pub families: Families,
    /// How often `-e` was given.
    pub extended: u8,
}

/// Which counters are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatisticsOptions {
    /// IPv6's instead of IPv4's.
    pub ipv6: bool,
    /// IP and ICMP.
    pub raw: bool,
    /// TCP.
    pub tcp: bool,
    /// UDP.
    pub udp: bool,
}
