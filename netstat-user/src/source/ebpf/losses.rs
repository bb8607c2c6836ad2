//! Counts what the kernel side could not tell: a full ring, and runs that the kernel skipped.

use std::os::fd::{AsFd as _, AsRawFd as _};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray},
    programs::ProgramFd,
};
use netstat_ebpf::wire::{self, Counters, map};

use super::hooks;
use crate::model::{Loss, LossKind, LossPlace, Moment};

/// The kernel side's counters of losses, and how much of them has been reported.
pub struct Losses {
    counters: PerCpuArray<MapData, CounterBytes>,
    state_program: ProgramFd,
    /// The programs of other hooks.
    others: Vec<ProgramFd>,
    /// Skipped runs of the others, at the last look.
    skipped_others: u64,
    reported_ring: u64,
    reported_nested: u64,
    /// Runs that were skipped and not rescued at the last look: a rescue may have been on its way.
    nested_at_last_look: u64,
}

/// A [`Counters`] as bytes: aya's own trait for map values can't be given to a type of another crate.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct CounterBytes([u8; size_of::<Counters>()]);

// SAFETY: an array of bytes without padding (16 is a multiple of the alignment), any value is valid.
unsafe impl aya::Pod for CounterBytes {}

impl Losses {
    /// Takes the counters out of a loaded object; `state_program` is the one whose skipped runs count.
    ///
    /// # Errors
    /// The object lacks the map or the program, which only a wrong object can do.
    pub fn new(ebpf: &mut Ebpf, state_program: &str) -> Result<Self> {
        let counters = ebpf.take_map(map::COUNTERS).context("the eBPF object has no map COUNTERS")?;
        let state_program = ebpf.program(state_program).context("the eBPF object lacks its state program")?;
        let others = ebpf.programs().filter(|(name, _)| !hooks::reports_transitions(name));
        // What is not loaded has no descriptor.
        let others = others.filter_map(|(_, program)| program.fd().ok());
        Ok(Self {
            counters: PerCpuArray::try_from(counters)?,
            state_program: state_program.fd()?.try_clone()?,
            others: others.map(ProgramFd::try_clone).collect::<Result<_, _>>()?,
            skipped_others: 0,
            reported_ring: 0,
            reported_nested: 0,
            nested_at_last_look: 0,
        })
    }

    /// Reports what was lost since the last look.
    pub fn look(&mut self, at: Moment, mut report: impl FnMut(Loss)) {
        // The kernel counts a skipped run just before the nested program rescues the transition: only a
        // difference that has stayed until the next look is a loss.
        let skipped = skipped_runs(&self.state_program);
        let (ring, rescued) = self.counted();
        let not_rescued = skipped.saturating_sub(rescued);
        let nested = not_rescued.min(self.nested_at_last_look);
        self.nested_at_last_look = not_rescued;
        for (place, now, reported) in [
            (LossPlace::Ring, ring, &mut self.reported_ring),
            (LossPlace::Nested, nested, &mut self.reported_nested),
        ] {
            let count = now.saturating_sub(*reported);
            if count > 0 {
                *reported = now;
                report(Loss { at, count, place, what: LossKind::Transitions });
            }
        }
    }

    /// Transitions that found the ring full, and transitions that the nested program rescued.
    fn counted(&self) -> (u64, u64) {
        let Ok(cpus) = self.counters.get(&0, 0) else { return (self.reported_ring, 0) };
        cpus.iter()
            .filter_map(|bytes| wire::from_bytes::<Counters>(&bytes.0))
            .fold((0, 0), |(ring, rescued), cpu| (ring + cpu.ring_full, rescued + cpu.rescued))
    }

    /// Whether another hook's program was skipped since the last look. That may have been the beginning or the end of a
    /// TIME_WAIT, or (of the timers' programs) of no connection: only a look at all sockets can tell.
    pub fn may_have_lost(&mut self) -> bool {
        let skipped = self.others.iter().map(skipped_runs).sum();
        let before = std::mem::replace(&mut self.skipped_others, skipped);
        skipped > before
    }
}

/// `recursion_misses` of a program (kernel/bpf/syscall.c, `bpf_prog_show_fdinfo`, 5.12); 0 on kernels that don't count
/// them, because they don't skip nested runs either.
fn skipped_runs(program: &ProgramFd) -> u64 {
    let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("recursion_misses:")?.trim().parse().ok()).unwrap_or(0)
}
