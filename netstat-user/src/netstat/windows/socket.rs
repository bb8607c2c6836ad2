//! The list of sockets: Windows' tables, without the sockets that the options leave out.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use rustc_hash::FxHashMap;

use super::options::{SocketOptions, Transport};
use crate::{
    filter::{Filter, HolderFacts, SocketFacts},
    model::{Endpoint, Family, InterfaceName, State},
    netstat::summary::{Summary, Tally},
    readers::windows::{process, state::TcpState, table},
};

/// A socket of Windows' tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// TCP or UDP.
    pub transport: Transport,
    /// The local endpoint. An IPv4-mapped address stays IPv6.
    pub local: SocketAddr,
    /// The remote endpoint and the state; None for UDP.
    pub tcp: Option<(SocketAddr, TcpState)>,
    /// The id of the process that holds the socket; 0 if there is none.
    pub pid: u32,
    /// The file name of the process's program; None if it is unknown or the options don't need it.
    pub program: Option<String>,
}

impl Socket {
    /// The protocol's name in JSON, the same on every system.
    pub fn proto(&self) -> &'static str {
        match (self.transport, self.local.is_ipv6()) {
            (Transport::Tcp, false) => "tcp",
            (Transport::Tcp, true) => "tcp6",
            (Transport::Udp, false) => "udp",
            (Transport::Udp, true) => "udp6",
        }
    }

    /// The state; None for UDP.
    pub fn state(&self) -> Option<State> {
        self.tcp.map(|(_, state)| state.state())
    }

    /// The state's name in JSON, the same on every system; empty for UDP.
    pub fn state_name(&self) -> &'static str {
        self.state().map_or("", State::name)
    }

    /// The state's name in Windows' netstat; empty for UDP.
    pub fn windows_state_name(&self) -> &'static str {
        self.tcp.map_or("", |(_, state)| state.name())
    }

    /// The remote endpoint; None for UDP and for listeners.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.tcp.filter(|(_, state)| state.state() != State::Listen).map(|(remote, _)| remote)
    }
}

/// The sockets that the options select, in the order of Windows' netstat.
///
/// # Errors
/// One of Windows' tables can't be read.
pub fn list(options: &SocketOptions) -> Result<Vec<Socket>> {
    let mut selected = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp] {
        for family in [Family::Ipv4, Family::Ipv6] {
            let is_selected = options.protocol.is_none_or(|protocol| protocol == (transport, family));
            if is_selected && (options.all || transport == Transport::Tcp) {
                let mut sockets = read(transport, family)?;
                sockets.retain(|socket| options.all || socket.state() != Some(State::Listen));
                sockets.sort_by_key(|socket| (socket.local, socket.tcp.map(|(remote, _)| remote)));
                selected.extend(sockets);
            }
        }
    }
    if options.summary || options.owners || options.filter.owner.needs_process() {
        add_programs(&mut selected);
    }
    if options.filter != Filter::default() {
        selected.retain(|socket| matches(&options.filter, socket));
    }
    Ok(selected)
}

/// Counts the sockets. `state_name` returns the name under which a socket's state is counted.
pub fn summary(sockets: &[Socket], state_name: fn(&Socket) -> &'static str) -> Summary {
    let mut tally = Tally::default();
    for socket in sockets {
        tally.state(socket.proto(), state_name(socket));
        if let Some(peer) = socket.peer() {
            tally.remote(peer.ip());
        }
        let holder = (socket.pid, socket.program.as_deref().map(str::as_bytes));
        tally.owners(Some(holder).filter(|(pid, _)| *pid != 0).into_iter());
    }
    tally.summary()
}

fn read(transport: Transport, family: Family) -> Result<Vec<Socket>> {
    let socket = |local, tcp, pid| Socket { transport, local, tcp, pid, program: None };
    Ok(match transport {
        Transport::Tcp => {
            let rows = table::tcp(family).context("cannot read Windows' table of TCP sockets")?;
            rows.iter().map(|row| socket(row.local, Some((row.remote, row.state)), row.pid)).collect()
        }
        Transport::Udp => {
            let rows = table::udp(family).context("cannot read Windows' table of UDP sockets")?;
            rows.iter().map(|row| socket(row.local, None, row.pid)).collect()
        }
    })
}

/// Adds the program of each socket's process.
fn add_programs(sockets: &mut [Socket]) {
    let mut programs: FxHashMap<u32, Option<String>> = FxHashMap::default();
    for socket in sockets.iter_mut().filter(|socket| socket.pid != 0) {
        socket.program = programs.entry(socket.pid).or_insert_with(|| process::program(socket.pid)).clone();
    }
}

/// The zone of a link-local address: Windows writes the interface's index.
pub fn interface(local: SocketAddr) -> Option<InterfaceName> {
    match local {
        SocketAddr::V6(local) if local.scope_id() != 0 => {
            InterfaceName::new(local.scope_id().to_string().as_bytes())
        }
        _ => None,
    }
}

fn matches(filter: &Filter, socket: &Socket) -> bool {
    let endpoint = |addr: SocketAddr| Endpoint { addr: addr.ip().to_canonical(), port: addr.port() };
    let program = socket.program.as_deref().unwrap_or_default();
    let holder = [HolderFacts { pid: socket.pid, comm: process::comm(program), program: program.as_bytes() }];
    let local = endpoint(socket.local);
    filter.matches_socket(&SocketFacts {
        family: Some(if local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }),
        local: Some(local),
        remote: socket.peer().map(endpoint),
        interface: interface(socket.local),
        state: socket.state(),
        uid: None,
        holders: if socket.pid == 0 { &[] } else { &holder },
        netns: None,
    })
}
