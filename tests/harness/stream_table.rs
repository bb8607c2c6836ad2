//! Which connections there are, as a reader of the stream knows it at any moment.

use std::collections::HashMap;

use anyhow::Result;

use crate::{event::Event, history::Tuple, state::State};

/// One thing that the stream tells of a connection.
#[derive(Clone, Debug)]
pub struct Change {
    /// CLOCK_MONOTONIC.
    pub mono_ns: u64,
    /// The connection's name.
    pub conn: String,
    /// Its network namespace.
    pub netns: Option<u32>,
    /// Its ends.
    pub tuple: Tuple,
    /// Where it is now.
    pub state: State,
}

/// All that a trace's output tells, in its order: transitions, what was there, and what was repaired.
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

/// The connections of a namespace that are alive after these changes, by name: each with its last change.
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
