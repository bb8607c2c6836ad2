//! Reads the kernel's sockets: by sock_diag(7), or from /proc/net where that is missing, or is what netstat shows.

mod inet;
pub(crate) mod inet_diag;
mod namespaces;
pub(crate) mod unix;

use anyhow::{Context as _, Error, Result};

use super::{
    notes::Notes,
    options::{Roles, SocketOptions},
    socket::{InetSocket, Proto, Transport, UnixSocket},
};
use crate::{
    filter::Filter,
    readers::{
        kernel_version,
        netlink::{Dump, Links},
    },
};
use inet_diag::{Indexed, Wanted};

/// Sockets of one network namespace or of several, in netstat's order.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Internet sockets.
    pub inet: Vec<InetSocket>,
    /// UNIX domain sockets.
    pub unix: Vec<UnixSocket>,
}

/// What the output needs of Internet sockets.
#[derive(Clone, Copy, Debug)]
struct Needs {
    /// The columns of `-e` and `-o` as netstat fills them from /proc: the user of a half-open connection is its listener's.
    proc_columns: bool,
    /// Interfaces, accept queues, timers.
    details: bool,
    /// TCP sockets that are only bound. netstat doesn't show them, so that the table has them only where a filter, which
    /// netstat doesn't have, may look for them.
    bound: bool,
}

impl Needs {
    fn of(options: &SocketOptions, json: bool) -> Self {
        let by_interface = options.filter.names_an_interface();
        let has_filter = options.filter != Filter::default();
        Self {
            proc_columns: (options.extended || options.timers) && !json && !by_interface,
            details: json || by_interface,
            bound: options.roles == Roles::All && (json || has_filter),
        }
    }
}

/// Reads the sockets of the calling thread's network namespace that have the protocols and families of the options.
///
/// # Errors
/// The kernel shows the sockets neither by sock_diag nor in /proc: the error has both reasons.
pub fn read(options: &SocketOptions, json: bool, notes: &Notes) -> Result<Sockets> {
    let netns = namespaces::own()?;
    let needs = Needs::of(options, json);
    let mut found = Sockets::default();
    for (is_selected, transport) in [
        (options.tcp, Transport::Tcp),
        (options.udp, Transport::Udp),
        (options.udplite, Transport::UdpLite),
        (options.raw, Transport::Raw),
    ] {
        for (has_family, ipv6) in [(options.families.ipv4, false), (options.families.ipv6, true)] {
            if is_selected && has_family {
                found.inet.extend(read_inet(Proto { transport, ipv6 }, netns, needs, notes)?);
            }
        }
    }
    if options.unix {
        found.unix = unix::read(netns, notes)?;
    }
    Ok(found)
}

/// Reads the sockets of all network namespaces.
///
/// # Errors
/// Those of [`read`] in the own namespace, or the processes or the mounts can't be listed.
pub fn of_every_namespace(options: &SocketOptions, json: bool, notes: &Notes) -> Result<Vec<Sockets>> {
    let is_selected = |protocol: &[u8]| match protocol {
        [b'T', b'C', b'P', ..] | [b'M', b'P', b'T', b'C', b'P', ..] => options.tcp,
        b"UDP" | b"UDPv6" => options.udp,
        [b'U', b'D', b'P', ..] => options.udplite,
        [b'R', b'A', b'W', ..] => options.raw,
        [b'U', b'N', b'I', b'X', ..] => options.unix,
        _ => false,
    };
    namespaces::in_every_namespace(|| read(options, json, notes), is_selected, notes)
}

/// Whether [`read`] finds TCP sockets that are only bound.
pub fn lists_bound() -> bool {
    kernel_version::running().is_none_or(|version| version >= (6, 8))
}

fn read_inet(proto: Proto, netns: u32, needs: Needs, notes: &Notes) -> Result<Vec<InetSocket>> {
    let is_tcp = proto.transport == Transport::Tcp;
    let diag = |listed| {
        let wanted = Wanted { listed, bound: needs.bound, details: needs.details };
        inet_diag::read(proto, netns, wanted)
    };
    if needs.proc_columns || (!is_tcp && !needs.details) {
        let mut sockets = inet::read(proto, netns, notes)?;
        if needs.bound && is_tcp {
            match diag(false) {
                Ok(bound) => sockets.extend(bound.entries.into_iter().map(|(socket, _)| socket)),
                Err(error) => notes.add(note_on_bound(&error)),
            }
        }
        return Ok(sockets);
    }
    match diag(true) {
        Ok(Dump { entries, is_inconsistent }) => {
            notes.inconsistent("the sockets", is_inconsistent);
            Ok(with_interfaces(entries, needs, notes))
        }
        // The module is not loaded, or a container's policy forbids it: /proc has the same sockets, more slowly.
        Err(error) => {
            let sockets = inet::read(proto, netns, notes).with_context(|| {
                format!("can't list the {} sockets by sock_diag ({error:#})", proto.name())
            })?;
            if needs.details && !sockets.is_empty() {
                notes.add(format!(
                    "the interfaces of sockets from /proc are not known: sock_diag failed ({error:#})"
                ));
            }
            if needs.bound && is_tcp {
                notes.add(note_on_bound(&error));
            }
            Ok(sockets)
        }
    }
}

fn note_on_bound(error: &Error) -> String {
    format!("TCP sockets that are only bound are not known: sock_diag failed ({error:#})")
}

fn with_interfaces(entries: Vec<Indexed>, needs: Needs, notes: &Notes) -> Vec<InetSocket> {
    if !needs.details || entries.iter().all(|(_, index)| *index == 0) {
        return entries.into_iter().map(|(socket, _)| socket).collect();
    }
    let links = Links::read().unwrap_or_else(|error| {
        notes.add(format!("the interfaces of sockets are not known: {error:#}"));
        Links::default()
    });
    notes.inconsistent("the interfaces", links.is_inconsistent);
    entries.into_iter().map(|(socket, index)| InetSocket { interface: links.name(index), ..socket }).collect()
}
