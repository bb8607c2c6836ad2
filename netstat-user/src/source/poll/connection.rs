//! What is known of a socket from one look to the next.

use super::seen::{Handle, Seen};
use crate::model::{
    CloseReason, ConnId, Direction, Endpoint, Family, Moment, Owner, OwnerHow, Protocol, Row, RowKind,
    Source, State, can_lead_to,
};

/// By what a socket is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) netns: Option<u32>,
    local: Endpoint,
    remote: Option<Endpoint>,
    /// Several sockets may listen at one address.
    listener: Option<Handle>,
}

impl Key {
    pub(super) fn of(seen: &Seen) -> Self {
        let listener = if seen.state == State::Listen { seen.handle } else { None };
        Self { netns: seen.netns, local: seen.local, remote: seen.remote, listener }
    }
}

/// A socket that the last look has seen.
#[derive(Debug)]
pub(super) struct Connection {
    id: ConnId,
    /// As it was last; the handle and the user are the last that it had.
    seen: Seen,
    direction: Option<Direction>,
    owner: Option<Owner>,
    /// The number of the look that saw it last.
    pub(super) look: u64,
}

impl Connection {
    /// A socket that appears; `has_listener` says whether something listens at its local end.
    pub(super) fn new(id: ConnId, seen: Seen, has_listener: bool, look: u64) -> Self {
        let direction = match seen.state {
            State::Listen => Some(Direction::Listen),
            State::SynSent => Some(Direction::Outbound),
            _ => has_listener.then_some(Direction::Inbound),
        };
        Self { id, seen, direction, owner: None, look }
    }

    /// Whether what another look sees at its place is this socket, and not one that came after it.
    pub(super) fn can_be(&self, seen: &Seen) -> bool {
        let is_other = self.seen.handle.zip(seen.handle).is_some_and(|(old, new)| old != new);
        !is_other && (self.seen.state == seen.state || can_lead_to(self.seen.state, seen.state))
    }

    /// Takes over what another look has seen; says in which state it was before, if that is another.
    pub(super) fn see(&mut self, seen: &Seen) -> Option<State> {
        let Seen { state: old, handle, uid, .. } = self.seen;
        if handle.is_none() && seen.handle.is_some() {
            // Somebody has accepted it, perhaps another than the listener's owner.
            self.owner = None;
        }
        self.seen = Seen { handle: seen.handle.or(handle), uid: seen.uid.or(uid), ..*seen };
        (old != seen.state).then_some(old)
    }

    /// Whether its owner can be asked for by this handle.
    pub(super) fn lacks_owner_of(&self, handle: Handle) -> bool {
        self.owner.is_none() && self.has(handle)
    }

    pub(super) fn has(&self, handle: Handle) -> bool {
        self.seen.handle == Some(handle)
    }

    pub(super) fn owner(&self) -> Option<Owner> {
        self.owner
    }

    pub(super) fn set_owner(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    /// Whether it stands in a listener's queue: a closed one would not be in these states.
    pub(super) fn waits_to_be_accepted(&self) -> bool {
        self.direction == Some(Direction::Inbound)
            && self.seen.handle.is_none()
            && matches!(self.seen.state, State::SynRecv | State::Established | State::CloseWait)
    }

    /// Its listener's owner stands for the one that it will have.
    pub(super) fn inherit(&mut self, owner: Option<Owner>) {
        self.owner = owner.map(|owner| Owner { how: OwnerHow::Listener, ..owner });
    }

    /// The row that tells that it was there at the start.
    pub(super) fn existing(&self, at: Moment, source: Source) -> Row {
        let row = self.row(State::Close, self.seen.state, at, source);
        Row { kind: RowKind::Existing, old_state: None, close_reason: None, ..row }
    }

    /// The row of a change that two looks tell.
    pub(super) fn row(&self, old: State, new: State, at: Moment, source: Source) -> Row {
        let Seen { local, remote, uid, netns, .. } = self.seen;
        Row {
            kind: RowKind::Transition,
            at,
            conn: self.id,
            family: if local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
            protocol: Protocol::Tcp,
            local,
            remote,
            direction: self.direction,
            old_state: Some(old),
            new_state: new,
            state_ns: None,
            owner: self.owner,
            socket_uid: uid,
            netns,
            cgroup: None,
            close_reason: reason(old, new),
            tcp_stats: None,
            source,
        }
    }

    /// The row of its end.
    pub(super) fn end(&self, at: Moment, source: Source) -> Row {
        self.row(self.seen.state, State::Close, at, source)
    }
}

/// Why it ended, as far as the two states prove it.
fn reason(old: State, new: State) -> Option<CloseReason> {
    match (old, new) {
        (State::Listen, State::Close) => None,
        (State::FinWait2, State::TimeWait) => Some(CloseReason::FinLocal),
        (State::Closing, State::TimeWait) => Some(CloseReason::FinBoth),
        (_, State::Close | State::TimeWait) => Some(CloseReason::Unknown),
        _ => None,
    }
}
