//! What `--summary` counts.

use super::socket::Socket;
use crate::netstat::summary::{Summary, Tally};

/// Counts; a state goes by the name that `state_name` gives it.
pub fn of(sockets: &[Socket], state_name: fn(&Socket) -> &'static str) -> Summary {
    let mut tally = Tally::default();
    for socket in sockets {
        tally.state(socket.proto(), state_name(socket));
        if let Some(peer) = socket.peer() {
            tally.remote(peer.ip());
        }
        let holder = (socket.pid, socket.program.as_deref().unwrap_or_default());
        tally.owners(Some(holder).filter(|(pid, _)| *pid != 0).into_iter());
    }
    tally.summary()
}
