//! A connection's ends as a key: what a minisocket and its full socket have in common on all kernels.

use crate::model::{Endpoint, MinisockCreated};

/// The four-tuple and where it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub(super) netns: Option<u32>,
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
}

impl Tuple {
    /// Those of a minisocket.
    pub(super) fn of(start: &MinisockCreated) -> Self {
        Self { netns: Some(start.netns), local: start.local, remote: start.remote }
    }
}
