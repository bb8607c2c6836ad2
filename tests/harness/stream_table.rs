//! The table of connections that a reader of the stream has at any moment.

use std::collections::HashMap;

use anyhow::Result;

use crate::{event::Event, history::Tuple, state::State};

/// A change of one connection.
#[derive(Clone, Debug)]
pub struct Change {
    /// CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// The connection's id.
    pub conn: String,
    /// Its network namespace.
    pub netns: Option<u32>,
    /// Its tuple.
    pub tuple: Tuple,
    /// Its new state.
    pub state: State,
}

/// All changes in a trace's output, in order: transitions, existing connections, and repaired ones.
pub fn changes(output: &str) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    for line in output.lines() {
        let change = match Event::parse(line)? {
            Event::Transition(row) => Change {
                mono_ns: row.mono_ns,
                tuple: (row.local(), row.remote()),
                conn: row.conn.to_string(),
                netns: row.netns,
                state: row.new_state,
            },
            Event::Existing(found) | Event::Repaired(found) => Change {
                mono_ns: found.mono_ns,
                tuple: found.tuple(),
                conn: found.conn.to_string(),
                netns: found.netns,
                state: found.new_state,
            },
            Event::Start(_) | Event::Lost(_) | Event::End(_) => continue,
        };
        changes.push(change);
    }
    Ok(changes)
}

/// The connections of a namespace that are not closed after these changes, by id, each with its last change.
pub fn open_connections<'a>(
    changes: impl Iterator<Item = &'a Change>,
    netns: u32,
) -> HashMap<&'a str, &'a Change> {
    let mut open_connections = HashMap::new();
    for change in changes.filter(|change| change.netns == Some(netns)) {
        if change.state == "CLOSE" {
            open_connections.remove(change.conn.as_str());
        } else {
            open_connections.insert(change.conn.as_str(), change);
        }
    }
    open_connections
}
