//! What `--summary` counts of a view.

use super::{socket::Transport, view::View};
use crate::netstat::summary::{Summary, Tally};

/// Counts.
pub fn of(view: &View) -> Summary {
    let mut tally = Tally::default();
    for socket in &view.inet {
        let state = if socket.proto.transport == Transport::Raw { "" } else { socket.state_name() };
        tally.state(socket.proto.name(), state);
        if !socket.is_server() {
            tally.remote(socket.remote.addr);
        }
    }
    for socket in &view.unix {
        tally.state("unix", socket.state_name());
    }
    let inodes = view.inet.iter().map(|socket| socket.inode);
    for inode in inodes.chain(view.unix.iter().map(|socket| socket.inode)) {
        tally.owners(view.owners.of(inode).map(|(pid, process)| (pid, process.program.as_str())));
    }
    tally.summary()
}
