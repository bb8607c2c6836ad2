//! Transitions that no BPF program sees, because the kernel runs none while a certain thread is current.
//!
//! A kernel may keep programs away from threads that its owner protects: one 6.18 was found whose `bpf_trace_run*`
//! first compare a field of `current`, and run and count nothing for threads of process 1. A softirq that happens
//! to interrupt such a thread is invisible then, to every program. The kernel's own record has it, and the thread.

use std::{collections::HashSet, net::SocketAddr};

use crate::lives::{Life, Step};

/// The ends of the connections of which a transition may have been invisible.
#[derive(Default)]
pub struct Blind(HashSet<(SocketAddr, Option<SocketAddr>)>);

impl Blind {
    /// Those in the record.
    pub fn of(record: &[Life]) -> Self {
        let protected = threads_of_process_1();
        let lives = record.iter().filter(|life| life.steps.iter().any(|step| is_in(step, &protected)));
        Self(lives.flat_map(|life| &life.steps).map(|step| (step.local, step.remote)).collect())
    }

    /// Whether a connection has these ends. A local port that is not chosen yet is nobody's.
    pub fn has(&self, local: SocketAddr, remote: Option<SocketAddr>) -> bool {
        local.port() != 0 && self.0.contains(&(local, remote))
    }

    /// Whether a row with these ends may be of one of the connections: a row that waited for its local port in vain
    /// has none.
    pub fn may_have(&self, local: SocketAddr, remote: Option<SocketAddr>) -> bool {
        let has_remote = || self.0.iter().any(|(_, other)| *other == remote);
        self.has(local, remote) || (local.port() == 0 && remote.is_some() && has_remote())
    }

    /// Whether the life is of one of the connections.
    pub fn has_life(&self, life: &Life) -> bool {
        life.steps.iter().any(|step| self.has(step.local, step.remote))
    }
}

/// How many of the record's transitions may have been invisible.
pub fn count(record: &[Life]) -> usize {
    let protected = threads_of_process_1();
    record.iter().flat_map(|life| &life.steps).filter(|step| is_in(step, &protected)).count()
}

fn is_in(step: &Step, threads: &HashSet<u32>) -> bool {
    step.task.is_some_and(|task| threads.contains(&task))
}

/// None where /proc hides them.
fn threads_of_process_1() -> HashSet<u32> {
    let entries = std::fs::read_dir("/proc/1/task").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
