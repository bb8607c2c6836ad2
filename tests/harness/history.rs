//! Connection histories: transitions grouped by connection.

use std::{collections::HashMap, fmt, net::SocketAddr};

use anyhow::{Context as _, Result};

use crate::{
    address_block::AddressBlock,
    event::Row,
    oracle::{Oracle, Protocol, Record},
    state::State,
    wait,
};

/// One transition of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// CLOCK_MONOTONIC, nanoseconds.
    pub mono_ns: u64,
    /// The local endpoint.
    pub local: SocketAddr,
    /// The remote endpoint; None for a listener.
    pub remote: Option<SocketAddr>,
    /// The state that it left.
    pub old: State,
    /// The state that it entered.
    pub new: State,
    /// The thread in whose context it happened, from the kernel's record. None in the output, which has no such
    /// field.
    pub thread: Option<u32>,
}

impl Transition {
    /// Both endpoints.
    pub fn tuple(&self) -> Tuple {
        (self.local, self.remote)
    }
}

/// A connection's local endpoint, and its remote one, which a listener doesn't have.
pub type Tuple = (SocketAddr, Option<SocketAddr>);

/// All transitions of one connection, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// TCP or MPTCP.
    pub protocol: Protocol,
    /// The transitions, at least one.
    pub transitions: Vec<Transition>,
}

impl History {
    /// The states in order: `CLOSE SYN_SENT CLOSE`. Those of MPTCP begin with `mptcp:`.
    pub fn path(&self) -> String {
        let mut path = String::new();
        if self.protocol == Protocol::Mptcp {
            path.push_str("mptcp: ");
        }
        path.push_str(self.transitions.first().map_or("", |transition| transition.old));
        for transition in &self.transitions {
            path.push(' ');
            path.push_str(transition.new);
        }
        path
    }

    /// Its tuples, without its listener's, which the first transition of an accepted connection may have.
    pub fn tuples(&self) -> impl Iterator<Item = Tuple> {
        let has_remote = self.transitions.iter().any(|transition| transition.remote.is_some());
        let tuples = self.transitions.iter().map(Transition::tuple);
        tuples.filter(move |(_, remote)| remote.is_some() || !has_remote)
    }

    /// Whether the connection has ended in CLOSE.
    pub fn is_closed(&self) -> bool {
        self.transitions.last().is_some_and(|transition| transition.new == "CLOSE")
    }

    /// Whether any of its endpoints is in the block.
    pub fn belongs_to(&self, addresses: &AddressBlock) -> bool {
        self.transitions.iter().any(|transition| {
            addresses.owns(transition.local) || transition.remote.is_some_and(|remote| addresses.owns(remote))
        })
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.local)?;
        match self.remote {
            Some(remote) => write!(f, "to {remote}")?,
            None => write!(f, "listening")?,
        }
        write!(f, " {} -> {}", self.old, self.new)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.protocol)?;
        for transition in &self.transitions {
            write!(f, "\n    {transition}")?;
        }
        Ok(())
    }
}

/// The histories in the kernel's record. A socket begins a new one when it leaves CLOSE, or LISTEN for another state
/// than CLOSE.
pub fn of_records(records: &[Record]) -> Vec<History> {
    let mut histories: Vec<History> = Vec::new();
    let mut current: HashMap<u64, usize> = HashMap::new();
    for record in records {
        let begins = record.old == "CLOSE" || (record.old == "LISTEN" && record.new != "CLOSE");
        let index = match current.get(&record.sk) {
            Some(index) if !begins => *index,
            _ => {
                histories.push(History { protocol: record.protocol, transitions: Vec::new() });
                current.insert(record.sk, histories.len() - 1);
                histories.len() - 1
            }
        };
        histories[index].transitions.push(transition(record));
    }
    histories
}

fn transition(record: &Record) -> Transition {
    let listens = record.remote.port() == 0;
    Transition {
        mono_ns: record.mono_ns,
        local: record.local,
        remote: (!listens).then_some(record.remote),
        old: record.old,
        new: record.new,
        thread: Some(record.task),
    }
}

/// The histories of the blocks' connections. Reads the record until all of them have ended.
pub fn completed(oracle: &mut Oracle, blocks: &[&AddressBlock]) -> Result<Vec<History>> {
    let mut records = Vec::new();
    let mut histories: Vec<History> = Vec::new();
    wait::until("every connection has ended", || {
        oracle.read_into(&mut records)?;
        histories = of_records(&records);
        histories.retain(|history| blocks.iter().any(|addresses| history.belongs_to(addresses)));
        Ok(histories.iter().all(History::is_closed).then_some(()))
    })
    .with_context(|| {
        let open: Vec<&History> = histories.iter().filter(|history| !history.is_closed()).collect();
        format!("{} of {} have not, the first: {:#?}", open.len(), histories.len(), open.first())
    })?;
    Ok(histories)
}

/// The connections in the output by their `conn`, in the order of their first rows.
pub fn by_connection<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<(&'a str, History)> {
    let mut histories: Vec<(&str, History)> = Vec::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for row in rows {
        let index = *known.entry(&row.conn).or_insert_with(|| {
            histories.push((&row.conn, History { protocol: row.protocol(), transitions: Vec::new() }));
            histories.len() - 1
        });
        histories[index].1.transitions.push(Transition {
            mono_ns: row.mono_ns,
            local: row.local(),
            remote: row.remote(),
            old: row.old_state,
            new: row.new_state,
            thread: None,
        });
    }
    histories
}
