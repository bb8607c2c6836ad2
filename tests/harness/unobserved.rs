//! Connections with a transition that no BPF program could observe, because the kernel ran none in that thread's context.
//!
//! Some kernels don't run BPF programs for the threads of one protected process: on one 6.18 the `bpf_trace_run*`
//! functions return before the program, and count nothing, when `current` belongs to process 1. A softirq that
//! interrupts such a thread is then invisible to every tracer. The kernel's own record has the transition and the thread
//! in whose context it happened: that is the evidence without which no connection is left out of a comparison.

use std::{collections::HashSet, fmt};

use anyhow::{Result, ensure};

use crate::history::{History, Transition, Tuple};

/// The connections that a comparison leaves out.
#[derive(Default)]
pub struct Unobserved {
    tuples: HashSet<Tuple>,
    transitions: usize,
}

/// More connections were left out than the scenario allows. [`anyhow::Error::is`] finds it: a test may run such a scenario
/// again, since a thread of process 1 is interrupted by chance.
#[derive(Debug)]
pub struct TooMany {
    left_out: usize,
    recorded: usize,
    at_most: usize,
    evidence: String,
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left_out, recorded, at_most, evidence } = self;
        write!(
            f,
            "{left_out} of {recorded} connections are left out, but at most {at_most} may be: {evidence}"
        )
    }
}

impl std::error::Error for TooMany {}

impl Unobserved {
    /// Those of a record with a transition in the context of process 1. [`TooMany`] if there are more than the scenario
    /// explains, or if no connection remains.
    pub fn in_record(record: &[History], at_most: usize) -> Result<Self> {
        Self::in_context_of(&threads_of_process_1(), record, at_most)
    }

    /// As [`Self::in_record`], for any threads.
    pub fn in_context_of(threads: &HashSet<u32>, record: &[History], at_most: usize) -> Result<Self> {
        let is_unobserved =
            |transition: &&Transition| transition.thread.is_some_and(|id| threads.contains(&id));
        let mut unobserved = Self::default();
        let (mut first, mut with_evidence) = (None, 0);
        for history in record {
            let count = history.transitions.iter().filter(is_unobserved).count();
            if count > 0 {
                with_evidence += 1;
                unobserved.transitions += count;
                unobserved.tuples.extend(history.tuples());
                first = first.or_else(|| history.transitions.iter().find(is_unobserved));
            }
        }
        let Some(first) = first else { return Ok(unobserved) };
        let left_out = record.iter().filter(|history| unobserved.has(history)).count();
        let evidence = format!(
            "{with_evidence} have a transition in the context of process 1 (the first: {first} in thread {}), and {} have \
             the tuple of one of these",
            first.thread.unwrap_or_default(),
            left_out - with_evidence,
        );
        let at_most = at_most.min(record.len() - 1);
        ensure!(left_out <= at_most, TooMany { left_out, recorded: record.len(), at_most, evidence });
        eprintln!("left out {left_out} of {} connections: {evidence}", record.len());
        Ok(unobserved)
    }

    /// How many of the kernel record's transitions the trace may have been unable to see.
    pub fn transitions(&self) -> usize {
        self.transitions
    }

    /// Whether a connection with this tuple is left out. A tuple without a local port identifies no connection.
    pub fn has_tuple(&self, tuple: Tuple) -> bool {
        tuple.0.port() != 0 && self.tuples.contains(&tuple)
    }

    /// Whether the connection is left out. If its local port was never reported, its remote endpoint identifies it.
    pub fn has(&self, history: &History) -> bool {
        let same_remote = |remote| self.tuples.iter().any(|(_, other)| *other == remote);
        let has_no_port = history.tuples().all(|(local, _)| local.port() == 0);
        history.tuples().any(|tuple| self.has_tuple(tuple))
            || has_no_port && history.tuples().any(|(_, remote)| remote.is_some() && same_remote(remote))
    }
}

/// Empty where /proc hides process 1.
fn threads_of_process_1() -> HashSet<u32> {
    let entries = std::fs::read_dir("/proc/1/task").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
