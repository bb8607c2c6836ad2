//! The events that are about the trace itself: `start`, `lost` and `end`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{LossKind, LossPlace, Source};

/// What the trace can see: its first event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "start")]
pub struct Start<'a> {
    /// When: RFC 3339, UTC, nanoseconds.
    pub ts: Cow<'a, str>,
    /// Where the events come from.
    pub source: Source,
    /// The kernel's release.
    pub kernel: Cow<'a, str>,
    /// The attached probes.
    pub hooks: Vec<Hook<'a>>,
    /// What the trace can't see.
    pub missing: Vec<Missing<'a>>,
}

/// An attached probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// The kind of program: `tp_btf`, `tracepoint`, …
    pub kind: Cow<'a, str>,
}

/// A fact that the trace can't see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing<'a> {
    /// The fact.
    pub what: Cow<'a, str>,
    /// Why, and what the user can do about it.
    pub why: Cow<'a, str>,
}

/// A loss since the last such event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "lost")]
pub struct Lost<'a> {
    /// When the loss was noticed: RFC 3339, UTC, nanoseconds.
    pub ts: Cow<'a, str>,
    /// How many.
    pub count: u64,
    /// Where.
    #[serde(rename = "where")]
    pub place: LossPlace,
    /// What.
    pub what: LossKind,
}

/// The totals: the trace's last event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename = "end")]
pub struct End<'a> {
    /// When: RFC 3339, UTC, nanoseconds.
    pub ts: Cow<'a, str>,
    /// How many transitions the trace saw.
    pub transitions: u64,
    /// How many transitions were lost; null if losses can't be counted.
    pub lost: Option<u64>,
    /// How many transitions were inferred.
    pub repaired: u64,
    /// How long the trace ran, nanoseconds.
    pub duration_ns: u64,
    /// How many transitions were not shown because the filter is about the process, and the process is not known.
    pub owner_unknown: u64,
}
