//! One look at the sockets: gathered from where they are, and what was not asked for left out.

use std::{io::Write as _, thread};

use anyhow::{Result, anyhow};

use super::{
    owners::Owners,
    request::{SocketsRequest, Which},
    socket::{End, InetSocket, Transport, UnixSocket},
    source::{self, Sockets},
};
use crate::{
    filter::{Filter, SocketFacts},
    model::{Comm, Endpoint},
};

/// What is to be shown, in netstat's order.
#[derive(Debug, Default)]
pub struct View {
    /// The Internet's sockets.
    pub inet: Vec<InetSocket>,
    /// The host's own.
    pub unix: Vec<UnixSocket>,
    /// Who holds them; empty if nobody asked.
    pub owners: Owners,
    /// Whether somebody asked.
    pub has_owners: bool,
}

impl View {
    /// Looks at the sockets, and beside that at the holders where they are needed.
    ///
    /// # Errors
    /// /proc can't be read: the error names the file.
    pub fn look(asked: &SocketsRequest, json: bool) -> Result<Self> {
        let has_owners = asked.programs || asked.summary || asked.filter.owner.asks_for_process();
        let (sockets, owners) = thread::scope(|scope| {
            let owners = has_owners.then(|| scope.spawn(Owners::find));
            let sockets = everything(asked, json);
            let owners = owners.map_or_else(|| Ok(Owners::default()), |thread| thread.join());
            (sockets, owners)
        });
        let owners = owners.map_err(|_| anyhow!("the look at the processes failed"))?;
        let Sockets { mut inet, mut unix } = sockets?;
        if owners.is_incomplete() {
            warn("not all processes could be looked into: the owners of others' sockets need root");
        }
        let mut holders = Vec::new();
        inet.retain(|socket| {
            is_asked(asked.which, socket) && matches(&asked.filter, socket, &owners, &mut holders)
        });
        unix.retain(|socket| {
            (asked.which == Which::All || (asked.which == Which::Listening) == socket.is_server())
                && matches_unix(&asked.filter, socket, &owners, &mut holders)
        });
        Ok(Self { inet, unix, owners, has_owners })
    }
}

fn everything(asked: &SocketsRequest, json: bool) -> Result<Sockets> {
    if !asked.all_netns {
        return source::sockets(asked, json);
    }
    let (namespaces, closed) = source::everywhere(|| source::sockets(asked, json))?;
    if closed > 0 {
        warn(&format!("{closed} network namespaces could not be entered: that needs root"));
    }
    let mut all = Sockets::default();
    for Sockets { inet, unix } in namespaces {
        all.inet.extend(inet);
        all.unix.extend(unix);
    }
    Ok(all)
}

fn is_asked(which: Which, socket: &InetSocket) -> bool {
    match which {
        Which::All => true,
        Which::Listening => socket.is_server(),
        Which::Connected => !socket.is_server(),
    }
}

fn matches(filter: &Filter, socket: &InetSocket, owners: &Owners, holders: &mut Vec<(u32, Comm)>) -> bool {
    if *filter == Filter::default() {
        return true;
    }
    let end = |end: End| Endpoint { addr: end.addr.to_canonical(), port: end.port };
    fill(holders, owners, socket.inode);
    filter.matches_socket(&SocketFacts {
        family: Some(socket.family()),
        local: Some(end(socket.local)),
        remote: Some(end(socket.remote)),
        state: (socket.proto.transport == Transport::Tcp).then(|| socket.state()),
        uid: Some(socket.uid),
        holders,
        netns: Some(socket.netns),
    })
}

fn matches_unix(
    filter: &Filter,
    socket: &UnixSocket,
    owners: &Owners,
    holders: &mut Vec<(u32, Comm)>,
) -> bool {
    fill(holders, owners, socket.inode);
    filter.matches_socket(&SocketFacts {
        family: None,
        local: None,
        remote: None,
        state: None,
        uid: None,
        holders,
        netns: Some(socket.netns),
    })
}

fn fill(holders: &mut Vec<(u32, Comm)>, owners: &Owners, inode: u64) {
    holders.clear();
    holders.extend(owners.of(inode).map(|(pid, process)| (pid, process.comm)));
}

fn warn(what: &str) {
    // Where stderr can't be written there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "rnetstat: {what}");
}
