//! Reads the kernel's sockets: from /proc/net, or by sock_diag(7) where that has every field that is shown.

mod inet;
mod namespaces;
mod sock_diag;
mod unix;

use anyhow::Result;

use super::{
    options::SocketOptions,
    socket::{InetSocket, Proto, Transport, UnixSocket},
};

pub use namespaces::EveryNamespace;

/// Sockets of one network namespace or of several, in netstat's order.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Internet sockets.
    pub inet: Vec<InetSocket>,
    /// UNIX domain sockets.
    pub unix: Vec<UnixSocket>,
}

/// Reads the sockets of the calling thread's network namespace that have the protocols and families of the options.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn read(options: &SocketOptions, json: bool) -> Result<Sockets> {
    let netns = namespaces::own()?;
    let mut found = Sockets::default();
    for (is_selected, transport) in [
        (options.tcp, Transport::Tcp),
        (options.udp, Transport::Udp),
        (options.udplite, Transport::UdpLite),
        (options.raw, Transport::Raw),
    ] {
        for (has_family, ipv6) in [(options.families.ipv4, false), (options.families.ipv6, true)] {
            if is_selected && has_family {
                let proto = Proto { transport, ipv6 };
                // Only /proc has the timers as netstat shows them, and user id 0 for sockets without a file.
                let needs_proc = options.extended || options.timers || json;
                read_inet(proto, netns, needs_proc, &mut found.inet)?;
            }
        }
    }
    if options.unix {
        found.unix = unix::read(netns)?;
    }
    Ok(found)
}

/// Reads the sockets of all network namespaces.
///
/// # Errors
/// /proc can't be read: the error names the file.
pub fn of_every_namespace(options: &SocketOptions, json: bool) -> Result<EveryNamespace> {
    let is_selected = |protocol: &[u8]| match protocol {
        [b'T', b'C', b'P', ..] | [b'M', b'P', b'T', b'C', b'P', ..] => options.tcp,
        b"UDP" | b"UDPv6" => options.udp,
        [b'U', b'D', b'P', ..] => options.udplite,
        [b'R', b'A', b'W', ..] => options.raw,
        [b'U', b'N', b'I', b'X', ..] => options.unix,
        _ => false,
    };
    namespaces::in_every_namespace(|| read(options, json), is_selected)
}

fn read_inet(proto: Proto, netns: u32, needs_proc: bool, sockets: &mut Vec<InetSocket>) -> Result<()> {
    let begin = sockets.len();
    if !needs_proc && proto.transport == Transport::Tcp {
        match sock_diag::read(proto, netns, sockets) {
            Ok(()) => return Ok(()),
            // The module is not loaded, or a container's policy forbids it: /proc has the same sockets, more slowly.
            Err(_) => sockets.truncate(begin),
        }
    }
    inet::read(proto, netns, sockets)
}
