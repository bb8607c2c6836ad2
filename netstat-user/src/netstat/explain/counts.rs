//! How many of this host's TCP sockets are in which state now.

use anyhow::Result;
use rustc_hash::FxHashMap;

use crate::{
    filter::Filter,
    model::State,
    netstat::{
        request::{Families, SocketsRequest, Which},
        source,
    },
};

const ALL_TCP: fn() -> SocketsRequest = || SocketsRequest {
    tcp: true,
    udp: false,
    udplite: false,
    raw: false,
    unix: false,
    families: Families { ipv4: true, ipv6: true },
    which: Which::All,
    programs: false,
    extended: false,
    timers: false,
    wide: false,
    all_netns: false,
    summary: false,
    filter: Filter::default(),
};

/// The counts; a state that no socket is in is missing.
pub fn now() -> Result<FxHashMap<State, u64>> {
    let mut counts = FxHashMap::default();
    for socket in source::sockets(&ALL_TCP(), false)?.inet {
        *counts.entry(socket.state()).or_default() += 1;
    }
    Ok(counts)
}
