//! Sockets as JSON, with the same fields and values as on every system.

use super::socket::{Socket, interface};
use crate::{
    netstat::json::{self, Holder, lines, name},
    readers::windows::process,
};

/// One line for each socket, with its processes if `has_owners`.
pub fn sockets(sockets: &[Socket], has_owners: bool) -> Vec<u8> {
    lines(sockets.iter().map(|socket| line(socket, has_owners)))
}

fn line(socket: &Socket, has_owners: bool) -> json::Socket<'_> {
    let port = |port: u16| Some(port).filter(|port| *port != 0);
    let local_addr = socket.local.ip().to_canonical();
    let peer = socket.peer();
    json::Socket {
        kind: "socket",
        proto: socket.proto(),
        family: if local_addr.is_ipv4() { "ipv4" } else { "ipv6" },
        local_addr,
        local_port: port(socket.local.port()),
        remote_addr: peer.map(|peer| peer.ip().to_canonical()),
        remote_port: peer.and_then(|peer| port(peer.port())),
        state: Some(socket.state_name()).filter(|name| !name.is_empty()),
        recv_q: None,
        send_q: None,
        uid: None,
        inode: None,
        owners: has_owners.then(|| holders(socket)),
        timer: None,
        netns: None,
        interface: interface(socket.local).and_then(|zone| Some(name(zone.as_bytes())?.into_owned().into())),
        queue: None,
        queue_max: None,
        drops: None,
    }
}

fn holders(socket: &Socket) -> Vec<Holder<'_>> {
    let program = socket.program.as_deref();
    let holder = Holder {
        pid: socket.pid,
        comm: program
            .and_then(|program| name(process::comm(program).as_bytes()).map(|name| name.into_owned().into())),
        program: program.and_then(|program| name(program.as_bytes())),
        uid: None,
    };
    Some(holder).filter(|holder| holder.pid != 0).into_iter().collect()
}
