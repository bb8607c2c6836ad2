//! Where the sockets come from: /proc/net, and sock_diag where that tells enough and is there.

mod diag;
mod fields;
mod namespaces;
mod netlink;
mod table;
mod unix;

use anyhow::Result;

use super::{
    request::SocketsRequest,
    socket::{InetSocket, Proto, Transport, UnixSocket},
};

pub use fields::Fields;
pub use namespaces::everywhere;
pub use netlink::{attributes, dump, number};

/// All that was asked for of the calling thread's network namespace, in netstat's order.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The Internet's.
    pub inet: Vec<InetSocket>,
    /// The host's own.
    pub unix: Vec<UnixSocket>,
}

/// Asks for the sockets of the calling thread's network namespace.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn sockets(request: &SocketsRequest, json: bool) -> Result<Sockets> {
    let netns = namespaces::own()?;
    let mut found = Sockets::default();
    for (wanted, transport) in [
        (request.tcp, Transport::Tcp),
        (request.udp, Transport::Udp),
        (request.udplite, Transport::UdpLite),
        (request.raw, Transport::Raw),
    ] {
        for (family, ipv6) in [(request.families.ipv4, false), (request.families.ipv6, true)] {
            if wanted && family {
                let proto = Proto { transport, ipv6 };
                // The timers, and of what has no socket any more the user, are in /proc alone.
                let needs_proc = request.extended || request.timers || json;
                read(proto, netns, needs_proc, &mut found.inet)?;
            }
        }
    }
    if request.unix {
        found.unix = unix::read(netns)?;
    }
    Ok(found)
}

fn read(proto: Proto, netns: u32, needs_proc: bool, into: &mut Vec<InetSocket>) -> Result<()> {
    let begin = into.len();
    if !needs_proc && proto.transport == Transport::Tcp {
        match diag::read(proto, netns, into) {
            Ok(()) => return Ok(()),
            // No such module, or not allowed in here: what /proc shows is the same, and takes longer.
            Err(_) => into.truncate(begin),
        }
    }
    table::read(proto, netns, into)
}
