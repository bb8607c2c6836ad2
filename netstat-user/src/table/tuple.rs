//! A connection's tuple as a key: what a minisocket and its full socket have in common on all kernels.

use std::num::NonZero;

use crate::model::{Endpoint, MinisockCreated, SnapshotSocket};

/// Both endpoints, the network namespace in which they are valid, and the interface that the socket is bound to: there may be
/// one connection with the same endpoints for each interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub(super) netns: Option<u32>,
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
    /// Its index.
    pub(super) interface: Option<NonZero<u32>>,
}

impl Tuple {
    /// The tuple of a minisocket.
    pub(super) fn of(minisock: &MinisockCreated) -> Self {
        let &MinisockCreated { netns, local, remote, interface, .. } = minisock;
        Self { netns: Some(netns), local, remote, interface: interface.map(|interface| interface.index) }
    }

    /// The tuple of a socket that a snapshot has found.
    pub(super) fn of_found(socket: &SnapshotSocket) -> Self {
        let &SnapshotSocket { netns, local, remote, interface, .. } = socket;
        Self { netns: Some(netns), local, remote, interface: interface.map(|interface| interface.index) }
    }
}
