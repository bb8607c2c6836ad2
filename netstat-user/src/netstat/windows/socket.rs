//! One look at the sockets: Windows' tables, and what was not asked for left out.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use rustc_hash::FxHashMap;

use super::options::{SocketOptions, Transport};
use crate::{
    filter::{Filter, SocketFacts},
    model::{Endpoint, Family, State},
    readers::windows::{process, state::TcpState, table},
};

/// A socket, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// TCP or UDP.
    pub transport: Transport,
    /// This end, as the socket has it: an IPv4-mapped address stays IPv6.
    pub local: SocketAddr,
    /// TCP's other end and state.
    pub tcp: Option<(SocketAddr, TcpState)>,
    /// The process that holds it; 0 for none.
    pub pid: u32,
    /// The name of its program's file; None if it is not known, or nobody asked.
    pub program: Option<String>,
}

impl Socket {
    /// Its protocol, by the name that the JSON has on every system.
    pub fn proto(&self) -> &'static str {
        match (self.transport, self.local.is_ipv6()) {
            (Transport::Tcp, false) => "tcp",
            (Transport::Tcp, true) => "tcp6",
            (Transport::Udp, false) => "udp",
            (Transport::Udp, true) => "udp6",
        }
    }

    /// Its state, if it has one.
    pub fn state(&self) -> Option<State> {
        self.tcp.map(|(_, state)| state.state())
    }

    /// Its state's name in JSON, the same on every system; empty for none.
    pub fn state_name(&self) -> &'static str {
        self.state().map_or("", State::name)
    }

    /// Its state's name in Windows' netstat; empty for none.
    pub fn windows_state_name(&self) -> &'static str {
        self.tcp.map_or("", |(_, state)| state.name())
    }

    /// The other end, if it is connected to one.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.tcp.filter(|(_, state)| state.state() != State::Listen).map(|(remote, _)| remote)
    }
}

/// The sockets that were asked for, in netstat's order.
///
/// # Errors
/// Windows doesn't give a table.
pub fn look(asked: &SocketOptions) -> Result<Vec<Socket>> {
    let mut found = Vec::new();
    for transport in [Transport::Tcp, Transport::Udp] {
        for family in [Family::Ipv4, Family::Ipv6] {
            let is_asked = asked.protocol.is_none_or(|protocol| protocol == (transport, family));
            if is_asked && (asked.all || transport == Transport::Tcp) {
                let mut sockets = read(transport, family)?;
                sockets.retain(|socket| asked.all || socket.state() != Some(State::Listen));
                sockets.sort_by_key(|socket| (socket.local, socket.tcp.map(|(remote, _)| remote)));
                found.extend(sockets);
            }
        }
    }
    if asked.summary || asked.owners || asked.filter.owner.asks_for_process() {
        name_owners(&mut found);
    }
    if asked.filter != Filter::default() {
        found.retain(|socket| matches(&asked.filter, socket));
    }
    Ok(found)
}

fn read(transport: Transport, family: Family) -> Result<Vec<Socket>> {
    let socket = |local, tcp, pid| Socket { transport, local, tcp, pid, program: None };
    Ok(match transport {
        Transport::Tcp => {
            let rows = table::tcp(family).context("Windows doesn't give its table of TCP sockets")?;
            rows.iter().map(|row| socket(row.local, Some((row.remote, row.state)), row.pid)).collect()
        }
        Transport::Udp => {
            let rows = table::udp(family).context("Windows doesn't give its table of UDP sockets")?;
            rows.iter().map(|row| socket(row.local, None, row.pid)).collect()
        }
    })
}

fn name_owners(sockets: &mut [Socket]) {
    let mut programs: FxHashMap<u32, Option<String>> = FxHashMap::default();
    for socket in sockets.iter_mut().filter(|socket| socket.pid != 0) {
        socket.program = programs.entry(socket.pid).or_insert_with(|| process::program(socket.pid)).clone();
    }
}

fn matches(filter: &Filter, socket: &Socket) -> bool {
    let end = |end: SocketAddr| Endpoint { addr: end.ip().to_canonical(), port: end.port() };
    let comm = socket.program.as_deref().map(process::comm).unwrap_or_default();
    let holder = [(socket.pid, comm)];
    let local = end(socket.local);
    filter.matches_socket(&SocketFacts {
        family: Some(if local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 }),
        local: Some(local),
        remote: socket.peer().map(end),
        state: socket.state(),
        uid: None,
        holders: if socket.pid == 0 { &[] } else { &holder },
        netns: None,
    })
}
