//! Which programs of the state hook are at work on this CPU, where tasks may be preempted inside them.
//!
//! From 7.0 on a tracepoint's programs run with preemption (commit a46023d5616e, "tracing: Guard __DECLARE_TRACE() use of
//! __DO_TRACE_CALL() with SRCU-fast"). A task that is preempted inside one takes it from all others on that CPU until it
//! is its turn again.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::AtWork;

use crate::globals::{OFFSETS, value};

#[map]
static AT_WORK: PerCpuArray<AtWork> = PerCpuArray::with_max_entries(1, 0);

/// The main program begins or ends.
#[inline(always)]
pub fn main(begins: bool) {
    if let Some(at_work) = here() {
        at_work.main.set(begins.into());
    }
}

/// The nested program begins or ends.
#[inline(always)]
pub fn nested(begins: bool) {
    if let Some(at_work) = here() {
        at_work.nested.set(begins.into());
    }
}

/// Whether both are at work: of other tasks' transitions, because this one's is past them.
#[inline(always)]
pub fn are_both() -> bool {
    here().is_some_and(|at_work| at_work.main.get() != 0 && at_work.nested.get() != 0)
}

/// None where no task is preempted inside a program.
#[inline(always)]
fn here() -> Option<&'static AtWork> {
    if value(&raw const OFFSETS.preemptible_cpus) == 0 { None } else { AT_WORK.get(0) }
}
