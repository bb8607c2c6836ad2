//! Notices that the owner of an open connection has ended, so that another process holds it now: one that inherited or
//! received the socket. The kernel reports no such event.

use std::mem;

use rustc_hash::FxHashMap;

use super::Table;
use crate::model::{Moment, Owner, State, Transition};

/// Tells when a process was started, in a unit of its own; None if it has ended, 0 if that can't be told.
pub type ProcessStart = fn(u32) -> Option<u64>;

/// How often all owners are checked, nanoseconds, and how much later for each process: a check takes some microseconds.
const INTERVAL_NS: u64 = 1_000_000_000;
const INTERVAL_PER_PROCESS_NS: u64 = 200_000;
/// For how long the check for a row, or what the process itself has done, serves other rows of the same process, nanoseconds.
const ROW_INTERVAL_NS: u64 = 100_000_000;
/// How many processes are remembered beside two for each connection.
const MAX_EXTRA: usize = 512;

/// In place of a process's start: it had ended when its first transition was read, so a process with its id is another one.
const GONE: u64 = u64::MAX;

/// What is known of the processes that own connections.
#[derive(Debug, Default)]
pub(super) struct OwnerChecks {
    /// When all owners are to be checked, CLOCK_MONOTONIC in nanoseconds.
    due_ns: u64,
    processes: FxHashMap<ProcessKey, Checked>,
    /// Whether the check for a row found an owner that has ended, since all owners were checked.
    has_found: bool,
}

/// A process by its id and, if the kernel has told it, its start, CLOCK_MONOTONIC in nanoseconds.
type ProcessKey = (u32, Option<u64>);

/// What is known of an owner.
#[derive(Clone, Copy, Debug)]
struct Checked {
    /// What [`ProcessStart`] told first, or [`GONE`]: a process with the same id and another start is another process.
    started: u64,
    /// When it was last checked for a row, or caused a transition, CLOCK_MONOTONIC in nanoseconds.
    checked_ns: Option<u64>,
}

impl Checked {
    fn is_recent(&self, now_ns: u64) -> bool {
        self.checked_ns.is_some_and(|checked| now_ns.saturating_sub(checked) < ROW_INTERVAL_NS)
    }
}

fn key(owner: Owner) -> ProcessKey {
    (owner.pid, owner.started_ns)
}

impl OwnerChecks {
    /// When all owners are to be checked, CLOCK_MONOTONIC in nanoseconds.
    pub(super) fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// How many processes are remembered.
    pub(super) fn len(&self) -> usize {
        self.processes.len()
    }

    /// A process has caused a transition.
    fn note(&mut self, process: Owner, at: Moment, process_start: ProcessStart) {
        let first = || Checked { started: process_start(process.pid).unwrap_or(GONE), checked_ns: None };
        self.processes.entry(key(process)).or_insert_with(first).checked_ns = Some(at.mono_ns);
    }

    /// Whether a process has ended; another one may have its id.
    fn has_ended(&mut self, owner: Owner, process_start: ProcessStart) -> bool {
        match process_start(owner.pid) {
            None => true,
            Some(0) => false,
            Some(started) => {
                let first = Checked { started, checked_ns: None };
                let known = self.processes.entry(key(owner)).or_insert(first);
                if known.started == 0 {
                    known.started = started;
                }
                known.started != started
            }
        }
    }

    /// The same for a row, at most every [`ROW_INTERVAL_NS`]. If the process has ended, all owners are to be checked.
    fn has_ended_before_row(&mut self, owner: Owner, now_ns: u64, process_start: ProcessStart) -> bool {
        if self.processes.get(&key(owner)).is_some_and(|known| known.is_recent(now_ns)) {
            return false;
        }
        let has_ended = self.has_ended(owner, process_start);
        if has_ended {
            self.has_found = true;
            self.due_ns = 0;
        } else {
            let first = Checked { started: 0, checked_ns: None };
            self.processes.entry(key(owner)).or_insert(first).checked_ns = Some(now_ns);
        }
        has_ended
    }
}

impl Table {
    /// Before a transition's row: forgets the owner of an open connection, if the owner has ended.
    ///
    /// Many processes end right after a transition, before it is read from the ring: because connect() has failed, or
    /// because the transition is a part of their end. They remain the owners.
    pub(super) fn check_owner(&mut self, change: &Transition) {
        let is_closed_here = matches!(change.new, State::FinWait1 | State::LastAck)
            || (change.new == State::Close && change.error == Some(0));
        if let Some(process) = &change.process {
            self.owner_checks.note(*process, change.at, self.process_start);
        } else if change.has_socket == Some(true) && change.old != State::SynSent && !is_closed_here {
            self.forget_owner_if_ended(change.sock.sk, change.at);
        }
        if self.owner_checks.len() > 2 * self.connections.len() + MAX_EXTRA {
            self.owner_checks.processes.clear();
        }
    }

    fn forget_owner_if_ended(&mut self, key: u64, at: Moment) {
        let Self { connections, owner_checks, process_start, .. } = self;
        if let Some(connection) = connections.get_mut(&key)
            && connection.is_open()
            && let Some(owner) = connection.owner()
            && owner_checks.has_ended_before_row(owner, at.mono_ns, *process_start)
        {
            connection.clear_owner();
        }
    }

    /// Forgets the owners of open connections that have ended; returns whether there was one, so that the owners have to be
    /// looked up. Does nothing before the checks are due.
    pub(super) fn forget_ended_owners(&mut self, now: Moment) -> bool {
        let Self { connections, listeners, owner_checks, process_start, .. } = self;
        if now.mono_ns < owner_checks.due_ns {
            return false;
        }
        let mut verdicts: FxHashMap<ProcessKey, bool> = FxHashMap::default();
        let mut has_ended = |checks: &mut OwnerChecks, owner: Owner| {
            *verdicts.entry(key(owner)).or_insert_with(|| checks.has_ended(owner, *process_start))
        };
        for connection in connections.values_mut().filter(|connection| connection.is_open()) {
            if let Some(owner) = connection.owner() {
                if !has_ended(owner_checks, owner) {
                    continue;
                }
                connection.clear_owner();
            }
            // The listener's owner stands for the one that accepts, until that is known.
            if connection.is_waiting_to_be_accepted()
                && let (Some(owner), _) = listeners.inheritance(connection.netns(), connection.local())
                && !has_ended(owner_checks, owner)
            {
                connection.set_owner(owner);
            }
        }
        owner_checks.processes.retain(|process, known| match verdicts.get(process) {
            Some(has_ended) => !has_ended,
            None => known.is_recent(now.mono_ns),
        });
        owner_checks.due_ns = now.mono_ns + INTERVAL_NS + INTERVAL_PER_PROCESS_NS * verdicts.len() as u64;
        mem::take(&mut owner_checks.has_found) | verdicts.into_values().any(|has_ended| has_ended)
    }
}
