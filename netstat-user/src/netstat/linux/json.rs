//! A socket as JSON.

use serde::Serialize;

use super::{
    owners::{Owners, Process},
    socket::{End, InetSocket, Timer, Transport, UnixSocket},
    view::View,
};
use crate::{
    format::visible,
    model::Family,
    netstat::json::{Holder, RunningTimer, Socket, lines},
};

#[derive(Serialize)]
struct Unix<'a> {
    kind: &'static str,
    proto: &'static str,
    #[serde(rename = "type")]
    socket_type: &'static str,
    state: Option<&'static str>,
    listening: bool,
    references: u64,
    inode: Option<u64>,
    owners: Option<Vec<Holder<'a>>>,
    path: Option<String>,
    netns: u32,
}

/// All of a view's sockets.
pub fn sockets(view: &View) -> Vec<u8> {
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let owners = view.has_owners.then_some(&view.owners);
    let mut bytes = lines(view.inet.iter().map(|socket| inet(socket, owners, ticks)));
    bytes.extend(lines(view.unix.iter().map(|socket| unix(socket, owners))));
    bytes
}

fn inet<'a>(socket: &InetSocket, owners: Option<&'a Owners>, ticks: u64) -> Socket<'a> {
    let port = |end: End| Some(end.port).filter(|port| *port != 0);
    let is_tcp = socket.proto.transport == Transport::Tcp;
    Socket {
        kind: "socket",
        proto: socket.proto.name(),
        family: match socket.family() {
            Family::Ipv4 => "ipv4",
            Family::Ipv6 => "ipv6",
        },
        local_addr: socket.local.addr.to_canonical(),
        local_port: port(socket.local),
        remote_addr: (!socket.is_server()).then(|| socket.remote.addr.to_canonical()),
        remote_port: port(socket.remote),
        state: Some(socket.state_name())
            .filter(|name| !name.is_empty() && socket.proto.transport != Transport::Raw),
        recv_q: Some(socket.recv_q),
        send_q: Some(socket.send_q),
        uid: Some(socket.uid),
        inode: known(socket.inode),
        owners: owners.map(|owners| holders(socket.inode, owners)),
        timer: Some(socket.timer).filter(|_| is_tcp).and_then(|timer| running(timer, ticks)),
        netns: Some(socket.netns),
    }
}

fn unix<'a>(socket: &UnixSocket, owners: Option<&'a Owners>) -> Unix<'a> {
    Unix {
        kind: "socket",
        proto: "unix",
        socket_type: socket.kind_name(),
        state: Some(socket.state_name()).filter(|name| !name.is_empty()),
        listening: socket.is_server(),
        references: socket.references,
        inode: known(socket.inode),
        owners: owners.map(|owners| holders(socket.inode, owners)),
        path: Some(visible(&socket.path)).filter(|path| !path.is_empty()),
        netns: socket.netns,
    }
}

fn known(inode: u64) -> Option<u64> {
    Some(inode).filter(|inode| *inode != 0)
}

fn holders<'a>(inode: u64, owners: &'a Owners) -> Vec<Holder<'a>> {
    let holder = |(pid, process): (u32, &'a Process)| Holder {
        pid,
        comm: Some(visible(process.comm.as_bytes())),
        program: Some(&process.program),
        uid: process.uid,
    };
    owners.of(inode).map(holder).collect()
}

fn running(timer: Timer, ticks: u64) -> Option<RunningTimer> {
    let kind = match timer.kind {
        0 => return None,
        1 => "on",
        2 => "keepalive",
        3 => "timewait",
        4 => "probe",
        _ => "unknown",
    };
    let Timer { retransmits, probes, .. } = timer;
    Some(RunningTimer { kind, ms: timer.ticks.saturating_mul(1000) / ticks, retransmits, probes })
}
