//! Two looks become rows: what appeared, what changed, what is gone. Nothing between them is made up.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    capacity::{Capacity, Stranger},
    connection::{Connection, Key},
    listeners::Listeners,
    seen::{Handle, Look, Seen},
};
use crate::model::{ConnId, Moment, Owner, Row, Source, State};

/// What the last look saw, and what has been learnt of it.
#[derive(Debug)]
pub(super) struct Diff {
    source: Source,
    connections: FxHashMap<Key, Connection>,
    next_id: u64,
    /// How many looks there have been.
    looks: u64,
    room: Capacity,
}

impl Diff {
    /// Before the first look, whose sockets will be told as existing.
    pub(super) fn new(source: Source, room: Capacity) -> Self {
        Self { source, connections: FxHashMap::default(), next_id: 1, looks: 0, room }
    }

    /// Emits what the look tells: what is there, then what is gone. `find` looks for the owners of sockets; it
    /// is asked at most once, and only if there is a socket that it has not been asked for.
    /// Returns how many sockets at least have come untold for want of room.
    pub(super) fn apply(
        &mut self,
        look: &Look,
        find: impl FnOnce(&FxHashSet<Handle>) -> FxHashMap<Handle, Owner>,
        mut emit: impl FnMut(Row),
    ) -> u64 {
        self.looks += 1;
        self.room.begin();
        let owners = self.missing_owners(&look.sockets, find);
        let listeners = Listeners::of(&look.sockets);
        // Listeners first: the others inherit from them.
        let (listening, others): (Vec<&Seen>, Vec<&Seen>) =
            look.sockets.iter().partition(|seen| seen.state == State::Listen);
        for seen in listening.into_iter().chain(others) {
            self.is_there(seen, &owners, &listeners, look.at, &mut emit);
        }
        self.end_those_gone(look, &mut emit);
        self.room.untold()
    }

    /// The owners of the sockets that have none, if one of these is new.
    fn missing_owners(
        &self,
        sockets: &[Seen],
        find: impl FnOnce(&FxHashSet<Handle>) -> FxHashMap<Handle, Owner>,
    ) -> FxHashMap<Handle, Owner> {
        let mut wanted = FxHashSet::default();
        let mut has_new = false;
        for seen in sockets {
            let Some(handle) = seen.handle else { continue };
            let known = self.connections.get(&Key::of(seen));
            if known.is_none() && !self.room.is_left(self.connections.len()) {
                continue;
            }
            let known = known.filter(|known| known.has(handle));
            has_new |= known.is_none();
            if known.is_none_or(|known| known.lacks_owner_of(handle)) {
                wanted.insert(handle);
            }
        }
        if has_new { find(&wanted) } else { FxHashMap::default() }
    }

    fn is_there(
        &mut self,
        seen: &Seen,
        owners: &FxHashMap<Handle, Owner>,
        listeners: &Listeners,
        at: Moment,
        emit: &mut impl FnMut(Row),
    ) {
        let (source, look, key) = (self.source, self.looks, Key::of(seen));
        let found = seen.handle.and_then(|handle| owners.get(&handle)).copied();
        let listener = listeners.only(seen).and_then(|listener| self.connections.get(&Key::of(listener)));
        let listeners_owner = listener.and_then(Connection::owner);
        let learn = |connection: &mut Connection| {
            if let Some(owner) = found {
                connection.set_owner(owner);
            } else if connection.waits_to_be_accepted() {
                connection.inherit(listeners_owner);
            }
        };
        let remembered = self.connections.len();
        let stranger = if let Some(known) = self.connections.get_mut(&key) {
            if known.can_be(seen) {
                let old = known.see(seen);
                known.look = look;
                learn(known);
                if let Some(old) = old {
                    emit(known.row(old, seen.state, at, source));
                }
                return;
            }
            if known.look == look {
                // A second one in the same look: what it was before, or one that is bound to another device.
                return;
            }
            emit(known.end(at, source));
            Stranger::Comes
        } else {
            self.room.admit(remembered)
        };
        if stranger == Stranger::LeftOut {
            return;
        }
        let id = ConnId(self.next_id);
        self.next_id += 1;
        let mut connection = Connection::new(id, *seen, listeners.has(seen), look);
        learn(&mut connection);
        let is_first = look == 1;
        if stranger == Stranger::Comes {
            emit(if is_first {
                connection.existing(at, source)
            } else {
                connection.row(State::Close, seen.state, at, source)
            });
        }
        self.connections.insert(key, connection);
    }

    fn end_those_gone(&mut self, look: &Look, emit: &mut impl FnMut(Row)) {
        let (source, number) = (self.source, self.looks);
        let mut ended = Vec::new();
        self.connections.retain(|key, known| {
            let stays = known.look == number || look.unread.contains(&key.netns);
            if !stays {
                ended.push(known.end(look.at, source));
            }
            stays
        });
        ended.sort_by_key(|row| row.conn);
        ended.into_iter().for_each(emit);
    }
}
