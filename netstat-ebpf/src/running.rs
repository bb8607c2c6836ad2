//! Which programs of the state hook run on this CPU, where a task can be preempted inside them.
//!
//! From 7.0 on a tracepoint runs its programs with preemption enabled (commit a46023d5616e, "tracing: Guard
//! __DECLARE_TRACE() use of __DO_TRACE_CALL() with SRCU-fast"). While a task is preempted inside a program, the kernel
//! skips that program for all other tasks on the CPU.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use netstat_ebpf::wire::RunningPrograms;

use crate::globals::{OFFSETS, value};

#[map]
static RUNNING: PerCpuArray<RunningPrograms> = PerCpuArray::with_max_entries(1, 0);

/// Notes that the main program starts or ends.
#[inline(always)]
pub fn set_main(runs: bool) {
    if let Some(running) = this_cpu() {
        running.main.set(runs.into());
    }
}

/// Notes that the nested program starts or ends.
#[inline(always)]
pub fn set_nested(runs: bool) {
    if let Some(running) = this_cpu() {
        running.nested.set(runs.into());
    }
}

/// Whether other tasks are preempted inside both programs. The caller runs after both programs of its own task, so these
/// don't count.
#[inline(always)]
pub fn are_both_preempted() -> bool {
    this_cpu().is_some_and(|running| running.main.get() != 0 && running.nested.get() != 0)
}

/// None where a task can't be preempted inside a program.
#[inline(always)]
fn this_cpu() -> Option<&'static RunningPrograms> {
    if value(&OFFSETS.preemptible_cpus) == 0 { None } else { RUNNING.get(0) }
}
