//! The present names of the processes that own connections: a row has the name that its process has now, not the one that
//! it had when it opened the connection.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Comm, Event, Moment, Owner, ProcessRenamed, Row};

/// The most processes beyond twice the number of owners that are remembered.
const SPARE: usize = 4096;

/// The processes that events have named as owners, by their ids.
#[derive(Debug, Default)]
pub(super) struct ProcessNames {
    by_pid: FxHashMap<u32, Process>,
    /// The time of the last event, CLOCK_MONOTONIC in nanoseconds.
    now_ns: u64,
    /// At this number of processes those that own nothing are forgotten.
    limit: usize,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    started_ns: u64,
    comm: Comm,
    /// When it had this name, CLOCK_MONOTONIC in nanoseconds.
    at_ns: u64,
}

impl ProcessNames {
    /// Takes over what an event tells of names.
    pub(super) fn apply(&mut self, event: &Event) {
        if let Some(at) = event.at() {
            self.now_ns = self.now_ns.max(at.mono_ns);
        }
        match event {
            Event::Transition(change) => {
                if let Some(owner) = &change.process {
                    self.learn(owner, self.now_ns);
                }
            }
            Event::Accept { owner, .. } => self.learn(owner, self.now_ns),
            Event::ProcessRenamed(renamed) => self.rename(renamed),
            _ => {}
        }
    }

    /// Takes over the name of a process that was read at `read`, or later.
    pub(super) fn found(&mut self, owner: &Owner, read: Moment) {
        self.learn(owner, read.mono_ns);
    }

    fn learn(&mut self, owner: &Owner, at_ns: u64) {
        // Without its start it can't be told from another process with the same id.
        let Some(started_ns) = owner.started_ns else { return };
        let process = Process { started_ns, comm: owner.comm, at_ns };
        let known = self.by_pid.entry(owner.pid).or_insert(process);
        if known.at_ns <= at_ns {
            *known = process;
        }
    }

    /// Most processes that get another name own no connection: those are not remembered.
    fn rename(&mut self, renamed: &ProcessRenamed) {
        let known = self.by_pid.get_mut(&renamed.pid);
        if let Some(known) = known.filter(|known| Some(known.started_ns) == renamed.started_ns) {
            known.comm = renamed.comm;
            known.at_ns = renamed.at.mono_ns;
        }
    }

    /// The owner with the present name of its process.
    pub(super) fn renamed(&self, owner: Owner) -> Owner {
        match self.by_pid.get(&owner.pid) {
            Some(known) if Some(known.started_ns) == owner.started_ns => Owner { comm: known.comm, ..owner },
            _ => owner,
        }
    }

    /// Emits the row with the present name of its owner.
    pub(super) fn emit(&self, row: &Row, emit: &mut dyn FnMut(&Row)) {
        let renamed = row.owner.map(|owner| self.renamed(owner));
        if renamed == row.owner { emit(row) } else { emit(&Row { owner: renamed, ..*row }) }
    }

    /// Whether there are many more processes than owners: then [`Self::keep_only`] is due.
    pub(super) fn is_full(&self) -> bool {
        self.by_pid.len() > self.limit.max(SPARE)
    }

    /// Forgets all processes but these.
    pub(super) fn keep_only(&mut self, owners: &FxHashSet<u32>) {
        self.by_pid.retain(|pid, _| owners.contains(pid));
        self.limit = 2 * self.by_pid.len() + SPARE;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_pid.len()
    }
}
