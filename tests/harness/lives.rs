//! Transitions sorted by the connection that makes them: its life.

use std::{collections::HashMap, fmt, net::SocketAddr};

use anyhow::{Context as _, Result};

use crate::{
    block::Block,
    event::Row,
    oracle::{Oracle, Protocol, Record},
    state::State,
    wait,
};

/// One transition of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// This end.
    pub local: SocketAddr,
    /// The other end; None for a listener.
    pub remote: Option<SocketAddr>,
    /// The state that it left.
    pub old: State,
    /// The state that it entered.
    pub new: State,
    /// The thread in whose context it happened, by the kernel's record; the output doesn't tell.
    pub task: Option<u32>,
}

/// All transitions of one connection, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// TCP or MPTCP.
    pub protocol: Protocol,
    /// The transitions, at least one.
    pub steps: Vec<Step>,
}

impl Life {
    /// The states in order: `CLOSE SYN_SENT CLOSE`; MPTCP's begin with `mptcp:`.
    pub fn path(&self) -> String {
        let mut path = String::new();
        if self.protocol == Protocol::Mptcp {
            path.push_str("mptcp: ");
        }
        path.push_str(self.steps.first().map_or("", |step| step.old));
        for step in &self.steps {
            path.push(' ');
            path.push_str(step.new);
        }
        path
    }

    /// Whether nothing can follow.
    pub fn is_over(&self) -> bool {
        self.steps.last().is_some_and(|step| step.new == "CLOSE")
    }

    /// Whether any of its ends belongs to the block.
    pub fn is_of(&self, block: &Block) -> bool {
        self.steps
            .iter()
            .any(|step| block.owns(step.local) || step.remote.is_some_and(|remote| block.owns(remote)))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.local)?;
        match self.remote {
            Some(remote) => write!(f, "to {remote}")?,
            None => write!(f, "listening")?,
        }
        write!(f, " {} -> {}", self.old, self.new)
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.protocol)?;
        for step in &self.steps {
            write!(f, "\n    {step}")?;
        }
        Ok(())
    }
}

/// The lives in the kernel's record. A socket begins a new one when it leaves CLOSE, and when it is born of
/// its listener.
pub fn of_records(records: &[Record]) -> Vec<Life> {
    let mut lives: Vec<Life> = Vec::new();
    let mut current: HashMap<u64, usize> = HashMap::new();
    for record in records {
        let begins = record.old == "CLOSE" || (record.old == "LISTEN" && record.new != "CLOSE");
        let index = match current.get(&record.sk) {
            Some(index) if !begins => *index,
            _ => {
                lives.push(Life { protocol: record.protocol, steps: Vec::new() });
                current.insert(record.sk, lives.len() - 1);
                lives.len() - 1
            }
        };
        lives[index].steps.push(step(record));
    }
    lives
}

fn step(record: &Record) -> Step {
    let listens = record.remote.port() == 0;
    Step {
        mono_ns: record.mono_ns,
        local: record.local,
        remote: (!listens).then_some(record.remote),
        old: record.old,
        new: record.new,
        task: Some(record.task),
    }
}

/// The lives of a block's connections in the record, read until each of them has ended.
pub fn completed(oracle: &mut Oracle, blocks: &[&Block]) -> Result<Vec<Life>> {
    let mut records = Vec::new();
    let mut lives: Vec<Life> = Vec::new();
    wait::until("every connection has ended", || {
        oracle.read_into(&mut records)?;
        lives = of_records(&records);
        lives.retain(|life| blocks.iter().any(|block| life.is_of(block)));
        Ok(lives.iter().all(Life::is_over).then_some(()))
    })
    .with_context(|| {
        let open: Vec<&Life> = lives.iter().filter(|life| !life.is_over()).collect();
        format!("{} of {} have not, the first: {:#?}", open.len(), lives.len(), open.first())
    })?;
    Ok(lives)
}

/// The lives in the output, as its `conn` tells them apart.
pub fn of_rows<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<Life> {
    let mut lives: Vec<Life> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for row in rows {
        let index = *known.entry(&row.conn).or_insert_with(|| {
            lives.push(Life { protocol: row.protocol(), steps: Vec::new() });
            lives.len() - 1
        });
        lives[index].steps.push(Step {
            mono_ns: row.mono_ns,
            local: row.local(),
            remote: row.remote(),
            old: row.old_state,
            new: row.new_state,
            task: None,
        });
    }
    lives
}
