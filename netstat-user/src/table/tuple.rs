//! A connection's tuple as a key: what a minisocket and its full socket have in common on all kernels.

use crate::model::{Endpoint, MinisockCreated};

/// Both endpoints, and the network namespace in which they are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub(super) netns: Option<u32>,
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
}

impl Tuple {
    /// The tuple of a minisocket.
    pub(super) fn of(minisock: &MinisockCreated) -> Self {
        Self { netns: Some(minisock.netns), local: minisock.local, remote: minisock.remote }
    }
}
