//! Sockets as JSON Lines.

use std::{borrow::Cow, net::SocketAddr};

use serde::Serialize;

use super::{
    listing::Listing,
    owners::{Owners, Process},
    socket::{InetSocket, Transport, UnixSocket},
};
use crate::{
    model::{Family, InterfaceName, State},
    netstat::json::{Holder, RunningTimer, Socket, lines, name},
    readers::proc_net::Timer,
};

#[derive(Serialize)]
struct Unix<'a> {
    kind: &'static str,
    proto: &'static str,
    #[serde(rename = "type")]
    socket_type: &'static str,
    state: Option<&'static str>,
    listening: bool,
    references: Option<u64>,
    inode: Option<u64>,
    owners: Option<Vec<Holder<'a>>>,
    path: Option<Cow<'a, str>>,
    netns: u32,
    /// Whether `path` is an abstract name.
    #[serde(rename = "abstract")]
    is_abstract: Option<bool>,
    peer_inode: Option<u64>,
    uid: Option<u32>,
    recv_q: Option<u32>,
    send_q: Option<u32>,
    queue: Option<u32>,
    queue_max: Option<u32>,
    source: &'static str,
}

/// All sockets of a listing.
pub fn sockets(listing: &Listing) -> Vec<u8> {
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    let owners = listing.has_owners.then_some(&listing.owners);
    let mut bytes = lines(listing.inet.iter().map(|socket| inet(socket, owners, ticks_per_second)));
    bytes.extend(lines(listing.unix.iter().map(|socket| unix(socket, owners))));
    bytes
}

fn inet<'a>(socket: &'a InetSocket, owners: Option<&'a Owners>, ticks_per_second: u64) -> Socket<'a> {
    let port = |addr: SocketAddr| Some(addr.port()).filter(|port| *port != 0);
    let is_tcp = socket.proto.transport == Transport::Tcp;
    Socket {
        kind: "socket",
        proto: socket.proto.name(),
        family: match socket.family() {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        },
        local_addr: socket.local.ip().to_canonical(),
        local_port: port(socket.local),
        remote_addr: (!socket.is_server()).then(|| socket.remote.ip().to_canonical()),
        remote_port: port(socket.remote),
        state: Some(socket.state_name())
            .filter(|name| !name.is_empty() && socket.proto.transport != Transport::Raw),
        recv_q: Some(socket.recv_q.into()),
        send_q: Some(socket.send_q.into()),
        uid: socket.known_uid(),
        inode: known(socket.inode),
        owners: owners.and_then(|owners| holders(socket.inode, owners)),
        timer: Some(socket.timer).filter(|_| is_tcp).and_then(|timer| running(timer, ticks_per_second)),
        netns: Some(socket.netns),
        interface: socket.interface.as_ref().map(InterfaceName::as_bytes).and_then(name),
        queue: Some(socket.recv_q).filter(|_| is_tcp && socket.state() == State::Listen),
        queue_max: socket.accept_queue.map(|queue| queue.limit),
        drops: socket.accept_queue.and_then(|queue| queue.drops),
    }
}

fn unix<'a>(socket: &'a UnixSocket, owners: Option<&'a Owners>) -> Unix<'a> {
    Unix {
        kind: "socket",
        proto: "unix",
        socket_type: socket.kind_name(),
        state: Some(socket.state_name()).filter(|name| !name.is_empty()),
        listening: socket.is_server(),
        references: socket.references,
        inode: known(socket.inode),
        owners: owners.and_then(|owners| holders(socket.inode, owners)),
        path: name(socket.name.as_bytes()),
        netns: socket.netns,
        is_abstract: socket.name.is_abstract(),
        peer_inode: socket.peer,
        uid: socket.uid,
        recv_q: socket.recv_q,
        send_q: socket.send_q,
        queue: socket.recv_q.filter(|_| socket.is_listening),
        queue_max: socket.accept_queue.map(|queue| queue.limit),
        source: socket.source.name(),
    }
}

fn known(inode: u64) -> Option<u64> {
    Some(inode).filter(|inode| *inode != 0)
}

/// None if it is not known which processes hold the socket.
fn holders<'a>(inode: u64, owners: &'a Owners) -> Option<Vec<Holder<'a>>> {
    let holder = |(pid, process): (u32, &'a Process)| Holder {
        pid,
        comm: name(process.comm.as_bytes()),
        program: process.name().and_then(name),
        uid: process.uid,
    };
    owners.are_known(inode).then(|| owners.of(inode).map(holder).collect())
}

fn running(timer: Timer, ticks_per_second: u64) -> Option<RunningTimer> {
    let kind = match timer.kind {
        0 => return None,
        1 => "on",
        2 => "keepalive",
        3 => "timewait",
        4 => "probe",
        _ => "unknown",
    };
    let Timer { kind: _, ticks, retransmits, probes } = timer;
    let ms = ticks.saturating_mul(1000) / ticks_per_second;
    Some(RunningTimer { kind, ms, retransmits, probes })
}
