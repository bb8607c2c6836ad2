//! The sockets that the options select, and their owners.

use std::{net::SocketAddr, thread};

use anyhow::{Result, anyhow};

use super::{
    notes::Notes,
    options::{Roles, SocketOptions},
    owners::{Owners, Process},
    socket::{InetSocket, Transport, UnixSocket},
    sockets::{self, Sockets},
};
use crate::{
    filter::{Filter, HolderFacts, SocketFacts},
    model::Endpoint,
    netstat::summary::{Summary, Tally},
    readers::visibility,
};

/// The name of the thread that looks up owners.
const OWNERS_THREAD: &str = "rnetstat-owners";

/// The selected sockets, in netstat's order.
#[derive(Debug, Default)]
pub struct Listing {
    /// Internet sockets.
    pub inet: Vec<InetSocket>,
    /// UNIX domain sockets.
    pub unix: Vec<UnixSocket>,
    /// The processes that hold them; empty unless `has_owners`.
    pub owners: Owners,
    /// Whether the owners were looked up.
    pub has_owners: bool,
}

impl Listing {
    /// Reads the sockets, and at the same time their owners if the options need them.
    ///
    /// # Errors
    /// /proc can't be read: the error names the file.
    pub fn read(options: &SocketOptions, json: bool, notes: &Notes) -> Result<Self> {
        let has_owners = options.programs || options.summary || options.filter.owner.needs_process();
        let (sockets, owners) = thread::scope(|scope| {
            let start =
                || thread::Builder::new().name(OWNERS_THREAD.to_owned()).spawn_scoped(scope, Owners::find);
            let started = has_owners.then(start);
            let sockets = read_sockets(options, json, notes);
            let owners = match started {
                None => Ok(Owners::default()),
                Some(Ok(thread)) => thread.join(),
                // The limit of threads is reached: one after the other.
                Some(Err(_)) => Ok(Owners::find()),
            };
            (sockets, owners)
        });
        let owners = owners.map_err(|_| anyhow!("the thread that looks up the sockets' owners panicked"))?;
        let Sockets { mut inet, mut unix } = sockets?;
        let mut holders = Vec::new();
        // Sockets that the owner's options may withhold count too.
        let filter = &options.filter;
        let of_any_process = Filter { owner: filter.owner.of_any_process(), ..filter.clone() };
        let mut has_unknown = false;
        inet.retain(|socket| {
            let is_unknown = has_owners && !has_unknown && !owners.are_known(socket.inode);
            let has_role = match options.roles {
                Roles::All => true,
                _ if socket.is_only_bound() => false,
                roles => has_role(roles, socket.is_server()),
            };
            has_role && {
                has_unknown |= is_unknown && matches(&of_any_process, socket, &owners, &mut holders);
                matches(filter, socket, &owners, &mut holders)
            }
        });
        explain_missing_bound(options, &inet, notes);
        unix.retain(|socket| {
            let is_unknown = has_owners && !has_unknown && !owners.are_known(socket.inode);
            has_role(options.roles, socket.is_server()) && {
                has_unknown |= is_unknown && matches_unix(&of_any_process, socket, &owners, &mut holders);
                matches_unix(filter, socket, &owners, &mut holders)
            }
        });
        if has_unknown {
            let what = "the owners of some sockets can't be seen";
            visibility::explain(what, owners.limits()).into_iter().for_each(|line| notes.add(line));
        }
        Ok(Self { inet, unix, owners, has_owners })
    }

    /// The counts of `--summary`.
    pub fn summary(&self) -> Summary {
        let mut tally = Tally::default();
        for socket in &self.inet {
            let state = if socket.proto.transport == Transport::Raw { "" } else { socket.state_name() };
            tally.state(socket.proto.name(), state);
            if !socket.is_server() {
                tally.remote(socket.remote.ip());
            }
        }
        for socket in &self.unix {
            tally.state("unix", socket.state_name());
        }
        let inodes = self.inet.iter().map(|socket| socket.inode);
        for inode in inodes.chain(self.unix.iter().map(|socket| socket.inode)) {
            tally.owners(self.owners.of(inode).map(|(pid, process)| (pid, process.name())));
        }
        tally.summary()
    }
}

fn read_sockets(options: &SocketOptions, json: bool, notes: &Notes) -> Result<Sockets> {
    if !options.all_netns {
        return sockets::read(options, json, notes);
    }
    let mut all = Sockets::default();
    for Sockets { inet, unix } in sockets::of_every_namespace(options, json, notes)? {
        all.inet.extend(inet);
        all.unix.extend(unix);
    }
    Ok(all)
}

/// Whoever looks for a port that bind() can't get may look for a socket that this kernel doesn't list.
fn explain_missing_bound(options: &SocketOptions, sockets: &[InetSocket], notes: &Notes) {
    let looks_for_port = options.roles == Roles::All && options.tcp && options.filter.names_a_port();
    if looks_for_port && sockets.is_empty() && !sockets::lists_bound() {
        notes
            .add("a socket that bind() gave this port, but that doesn't listen, is listed from Linux 6.8 on");
    }
}

fn has_role(roles: Roles, is_server: bool) -> bool {
    match roles {
        Roles::All => true,
        Roles::Servers => is_server,
        Roles::Connections => !is_server,
    }
}

/// `holders` is a buffer that is used for every socket.
fn matches<'a>(
    filter: &Filter,
    socket: &InetSocket,
    owners: &'a Owners,
    holders: &mut Vec<HolderFacts<'a>>,
) -> bool {
    if *filter == Filter::default() {
        return true;
    }
    let endpoint = |addr: SocketAddr| Endpoint { addr: addr.ip().to_canonical(), port: addr.port() };
    fill(holders, owners, socket.inode);
    filter.matches_socket(&SocketFacts {
        family: Some(socket.family()),
        local: Some(endpoint(socket.local)),
        remote: Some(endpoint(socket.remote)),
        interface: socket.interface,
        state: (socket.proto.transport == Transport::Tcp).then(|| socket.state()),
        uid: socket.known_uid(),
        holders,
        netns: Some(socket.netns),
    })
}

fn matches_unix<'a>(
    filter: &Filter,
    socket: &UnixSocket,
    owners: &'a Owners,
    holders: &mut Vec<HolderFacts<'a>>,
) -> bool {
    fill(holders, owners, socket.inode);
    filter.matches_socket(&SocketFacts {
        family: None,
        local: None,
        remote: None,
        interface: None,
        state: None,
        uid: socket.uid,
        holders,
        netns: Some(socket.netns),
    })
}

fn fill<'a>(holders: &mut Vec<HolderFacts<'a>>, owners: &'a Owners, inode: u64) {
    holders.clear();
    let facts = |(pid, process): (u32, &'a Process)| HolderFacts {
        pid,
        comm: process.comm,
        program: &process.program,
    };
    holders.extend(owners.of(inode).map(facts));
}
