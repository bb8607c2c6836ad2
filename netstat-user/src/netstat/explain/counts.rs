//! How many of this host's TCP sockets are in which state now.

use anyhow::Result;
use rustc_hash::FxHashMap;

use crate::{model::State, netstat::system};

/// The counts; a state that no socket is in is missing.
pub fn now() -> Result<FxHashMap<State, u64>> {
    let mut counts = FxHashMap::default();
    for state in system::tcp_states()? {
        *counts.entry(state).or_default() += 1;
    }
    Ok(counts)
}
