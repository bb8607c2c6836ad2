//! The output's JSON, read strictly: each event has all of its fields and no others, in the contract's words.

use std::{net::SocketAddr, ops::Deref};

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use netstat_events::{
    CloseReason, Direction, Family, LossKind as LostWhat, LossPlace as LostWhere, OwnerHow as Owner, Source,
};

use crate::{
    address_block::AddressBlock,
    oracle::Protocol,
    state::{self, State},
};

/// One line of the output.
#[derive(Clone, Debug)]
pub enum Event {
    /// What the trace can see.
    Start(Start),
    /// A transition.
    Transition(Box<Row>),
    /// A connection that was open at the start.
    Existing(Box<Found>),
    /// A transition that was inferred.
    Repaired(Box<Found>),
    /// A loss.
    Lost(Lost),
    /// The totals.
    End(End),
}

/// The `start` event.
pub type Start = netstat_events::Start<'static>;
/// The `lost` event.
pub type Lost = netstat_events::Lost<'static>;
/// The `end` event.
pub type End = netstat_events::End<'static>;

/// The `transition` event: it always has an old state.
#[derive(Clone, Debug)]
pub struct Row {
    /// The state before the transition.
    pub old_state: State,
    /// The state after it.
    pub new_state: State,
    event: netstat_events::Row<'static>,
}

/// The `existing` and `repaired` events: the old state may be unknown.
#[derive(Clone, Debug)]
pub struct Found {
    /// The state before the transition.
    pub old_state: Option<State>,
    /// The present state.
    pub new_state: State,
    event: netstat_events::Row<'static>,
}

/// The event's other fields.
impl Deref for Row {
    type Target = netstat_events::Row<'static>;

    fn deref(&self) -> &Self::Target {
        &self.event
    }
}

/// The event's other fields.
impl Deref for Found {
    type Target = netstat_events::Row<'static>;

    fn deref(&self) -> &Self::Target {
        &self.event
    }
}

impl Event {
    /// The event in a line.
    pub fn parse(line: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            event: &'a str,
        }
        let parse = || {
            Ok(match serde_json::from_str::<Kind<'_>>(line)?.event {
                "start" => Self::Start(strictly(line)?),
                "transition" => Self::Transition(Box::new(Found::parse(line)?.try_into()?)),
                "existing" => Self::Existing(Box::new(Found::parse(line)?)),
                "repaired" => Self::Repaired(Box::new(Found::parse(line)?)),
                "lost" => Self::Lost(strictly(line)?),
                "end" => Self::End(strictly(line)?),
                other => bail!("{other:?} is no event"),
            })
        };
        parse().with_context(|| format!("in the line {line}"))
    }
}

/// The event in a line that has exactly the event's fields, null where a value is unknown.
fn strictly<T: Serialize + DeserializeOwned>(line: &str) -> Result<T> {
    let event: T = serde_json::from_str(line)?;
    let again = serde_json::to_string(&event)?;
    // Texts with escape sequences may be written differently.
    if again != line {
        let (found, expected) =
            (serde_json::from_str::<serde_json::Value>(line)?, serde_json::to_value(&event)?);
        ensure!(found == expected, "a field is missing, unknown or not canonical: expected {again}");
    }
    Ok(event)
}

impl Found {
    fn parse(line: &str) -> Result<Self> {
        let event: netstat_events::Row<'static> = strictly(line)?;
        for addr in [Some(event.local_addr), event.remote_addr].into_iter().flatten() {
            ensure!(addr == addr.to_canonical(), "{addr} is an IPv4 address");
        }
        let name = |state: netstat_events::State| state::from_kernel(state as u32);
        let old_state = event.old_state.map(name).transpose()?;
        Ok(Self { old_state, new_state: name(event.new_state)?, event })
    }
}

impl TryFrom<Found> for Row {
    type Error = anyhow::Error;

    fn try_from(Found { old_state, new_state, event }: Found) -> Result<Self> {
        Ok(Self { old_state: old_state.context("a transition without an old state")?, new_state, event })
    }
}

impl Found {
    /// Both endpoints, as [`Row`] has them.
    pub fn tuple(&self) -> (SocketAddr, Option<SocketAddr>) {
        (
            endpoint(self.local_addr, self.local_port),
            self.remote_addr.map(|addr| endpoint(addr, self.remote_port)),
        )
    }
}

/// An endpoint; port 0 where it is unknown.
fn endpoint(addr: std::net::IpAddr, port: Option<u16>) -> SocketAddr {
    SocketAddr::new(addr, port.unwrap_or(0))
}

impl Row {
    /// The local endpoint; port 0 where it is unknown.
    pub fn local(&self) -> SocketAddr {
        endpoint(self.local_addr, self.local_port)
    }

    /// The remote endpoint.
    pub fn remote(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.remote_addr?, self.remote_port?))
    }

    /// Whether one of its endpoints belongs to the block.
    pub fn belongs_to(&self, addresses: &AddressBlock) -> bool {
        addresses.owns(self.local()) || self.remote().is_some_and(|remote| addresses.owns(remote))
    }

    /// Its protocol, in the oracle's word.
    pub fn protocol(&self) -> Protocol {
        match self.proto {
            netstat_events::Protocol::Tcp => Protocol::Tcp,
            netstat_events::Protocol::Mptcp => Protocol::Mptcp,
        }
    }
}
