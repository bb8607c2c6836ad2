//! The output's JSON as a stranger reads it: only what the contract promises, but all of that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Deserializer, de::Error as _};

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
    /// A connection that was there at the start.
    Existing(Box<Found>),
    /// A change that was inferred.
    Repaired(Box<Found>),
    /// Something was not seen.
    Lost(Lost),
    /// The summary.
    End(End),
}

/// The `start` event.
#[derive(Clone, Debug, Deserialize)]
pub struct Start {
    /// RFC 3339.
    pub ts: String,
    /// Where the events come from.
    pub source: Source,
    /// The kernel's release.
    pub kernel: String,
    /// The attached probes.
    pub hooks: Vec<Hook>,
    /// What can't be seen here.
    pub missing: Vec<Missing>,
}

/// An attached probe.
#[derive(Clone, Debug, Deserialize)]
pub struct Hook {
    /// Its name.
    pub name: String,
    /// `tp_btf`, `tracepoint`, …
    pub kind: String,
}

/// A fact that can't be seen.
#[derive(Clone, Debug, Deserialize)]
pub struct Missing {
    /// Which.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
}

/// The `transition` event.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the contract says what each field means")]
pub struct Row {
    pub ts: String,
    pub mono_ns: u64,
    pub conn: String,
    pub family: Family,
    pub proto: Proto,
    #[serde(deserialize_with = "canonical")]
    pub local_addr: Option<IpAddr>,
    #[serde(deserialize_with = "present")]
    pub local_port: Option<u16>,
    #[serde(deserialize_with = "canonical")]
    pub remote_addr: Option<IpAddr>,
    #[serde(deserialize_with = "present")]
    pub remote_port: Option<u16>,
    #[serde(deserialize_with = "present")]
    pub direction: Option<Direction>,
    #[serde(deserialize_with = "state_name")]
    pub old_state: State,
    #[serde(deserialize_with = "state_name")]
    pub new_state: State,
    #[serde(deserialize_with = "present")]
    pub state_ns: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub pid: Option<u32>,
    #[serde(deserialize_with = "present")]
    pub comm: Option<String>,
    #[serde(deserialize_with = "present")]
    pub uid: Option<u32>,
    #[serde(deserialize_with = "present")]
    pub owner: Option<Owner>,
    #[serde(deserialize_with = "present")]
    pub netns: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub cgroup: Option<String>,
    #[serde(deserialize_with = "present")]
    pub close_reason: Option<CloseReason>,
    #[serde(deserialize_with = "present")]
    pub bytes_sent: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub bytes_received: Option<u64>,
    #[serde(deserialize_with = "present")]
    pub rtt_us: Option<u32>,
    #[serde(deserialize_with = "present")]
    pub retransmits: Option<u32>,
    pub source: Source,
}

/// The `existing` and `repaired` events, as far as they differ from transitions: the old state may not be known.
#[derive(Clone, Debug, Deserialize)]
#[expect(missing_docs, reason = "the contract says what each field means")]
pub struct Found {
    pub mono_ns: u64,
    pub conn: String,
    pub local_addr: Option<IpAddr>,
    pub local_port: Option<u16>,
    pub remote_addr: Option<IpAddr>,
    pub remote_port: Option<u16>,
    pub old_state: Option<String>,
    pub new_state: String,
    pub pid: Option<u32>,
    pub owner: Option<Owner>,
    pub netns: Option<u64>,
}

/// The `lost` event.
#[derive(Clone, Debug, Deserialize)]
pub struct Lost {
    /// RFC 3339.
    pub ts: String,
    /// How many since the last such event.
    pub count: u64,
    /// Where.
    #[serde(rename = "where")]
    pub place: LostWhere,
    /// What.
    pub what: LostWhat,
}

/// The `end` event.
#[derive(Clone, Debug, Deserialize)]
pub struct End {
    /// RFC 3339.
    pub ts: String,
    /// How many transitions were seen.
    pub transitions: u64,
    /// How many were not.
    pub lost: u64,
    /// How many were inferred.
    pub repaired: u64,
    /// How long the trace ran.
    pub duration_ns: u64,
}

/// `family`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum Family {
    Ipv4,
    Ipv6,
}

/// `proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum Proto {
    Tcp,
    Mptcp,
}

/// `direction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum Direction {
    Outbound,
    Inbound,
    Listen,
}

/// `owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum Owner {
    Connect,
    Listen,
    Accept,
    Listener,
    Close,
    Scan,
}

/// `close_reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum CloseReason {
    FinLocal,
    FinRemote,
    FinBoth,
    ResetReceived,
    ResetSent,
    Refused,
    Timeout,
    Unreachable,
    Aborted,
    Expired,
    Unknown,
}

/// `source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum Source {
    Ebpf,
    Proc,
    Windows,
}

/// `where` of a `lost` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum LostWhere {
    Ring,
    Nested,
    Output,
    Table,
    Snapshot,
}

/// `what`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the contract's words")]
pub enum LostWhat {
    Transitions,
    Observations,
    UnknownRecords,
    Snapshots,
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
                "start" => Self::Start(serde_json::from_str(line)?),
                "transition" => Self::Transition(serde_json::from_str(line)?),
                "existing" => Self::Existing(serde_json::from_str(line)?),
                "repaired" => Self::Repaired(serde_json::from_str(line)?),
                "lost" => Self::Lost(serde_json::from_str(line)?),
                "end" => Self::End(serde_json::from_str(line)?),
                other => bail!("{other:?} is no event"),
            })
        };
        parse().with_context(|| format!("in the line {line}"))
    }
}

impl Found {
    /// Both ends, as [`Row`] has them.
    pub fn tuple(&self) -> (SocketAddr, Option<SocketAddr>) {
        (
            end(self.local_addr, self.local_port),
            self.remote_addr.map(|addr| end(Some(addr), self.remote_port)),
        )
    }
}

/// An end; zeroes where it is not known.
fn end(addr: Option<IpAddr>, port: Option<u16>) -> SocketAddr {
    SocketAddr::new(addr.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port.unwrap_or(0))
}

impl Row {
    /// This end; zeroes where it is not known.
    pub fn local(&self) -> SocketAddr {
        end(self.local_addr, self.local_port)
    }

    /// The other end.
    pub fn remote(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.remote_addr?, self.remote_port?))
    }

    /// Whether one of its ends belongs to the block.
    pub fn belongs_to(&self, addresses: &AddressBlock) -> bool {
        addresses.owns(self.local()) || self.remote().is_some_and(|remote| addresses.owns(remote))
    }

    /// Its protocol, in the oracle's word.
    pub fn protocol(&self) -> Protocol {
        match self.proto {
            Proto::Tcp => Protocol::Tcp,
            Proto::Mptcp => Protocol::Mptcp,
        }
    }
}

/// A field that may be null but not missing, which serde would take for the same.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(value)
}

fn canonical<'de, D: Deserializer<'de>>(value: D) -> Result<Option<IpAddr>, D::Error> {
    Option::<&str>::deserialize(value)?.map(parse_canonical).transpose()
}

/// Canonical text (RFC 5952), and IPv4 where it is IPv4.
fn parse_canonical<E: serde::de::Error>(text: &str) -> Result<IpAddr, E> {
    let addr: IpAddr = text.parse().map_err(E::custom)?;
    if addr.to_canonical().to_string() == text {
        Ok(addr)
    } else {
        Err(E::custom(format!("{text} isn't canonical")))
    }
}

fn state_name<'de, D: Deserializer<'de>>(value: D) -> Result<State, D::Error> {
    state::from_name(<&str>::deserialize(value)?).map_err(D::Error::custom)
}
