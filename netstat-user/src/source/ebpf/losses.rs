//! Counts losses: records that did not fit in the ring buffer, runs that the kernel skipped, and unknown records.

use std::os::fd::{AsFd as _, AsRawFd as _};

use anyhow::Context as _;
use aya::{
    Ebpf,
    maps::{MapData, PerCpuArray},
    programs::ProgramFd,
};
use netstat_ebpf::wire::{self, LossCounters, map};

use super::hooks;
use crate::{
    model::{Loss, LossKind, LossPlace, LossesUncounted, Moment},
    readers::kernel_version,
};

/// The first kernel that skips nested runs of a program, and counts them.
const FIRST_THAT_SKIPS: (u32, u32) = (5, 12);

/// Reads the counters of losses, and remembers how much of them it has reported.
pub struct LossMonitor {
    counters: PerCpuArray<MapData, CounterBytes>,
    state_program: ProgramFd,
    /// The programs of the other hooks.
    other_programs: Vec<ProgramFd>,
    /// Skipped runs of the other programs at the last check.
    skipped_others: u64,
    /// Runs that were skipped and not rescued, at the last check: a rescue may have been about to be counted.
    nested_at_last_check: u64,
    reported: Totals,
    unknown_records: u64,
}

/// Losses since the start of the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    transitions: u64,
    observations: u64,
    nested: u64,
    unknown_records: u64,
}

/// The bytes of a [`LossCounters`]: aya's trait for map values can't be implemented for a type of another crate.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct CounterBytes([u8; size_of::<LossCounters>()]);

// SAFETY: an array of bytes, without padding because its size is a multiple of 8; any bytes are valid.
unsafe impl aya::Pod for CounterBytes {}

const _: () = assert!(size_of::<CounterBytes>() == size_of::<LossCounters>());

impl LossMonitor {
    /// Takes the counters from a loaded object; `state_program` is the program whose skipped runs are lost transitions.
    ///
    /// # Errors
    /// The object has no such map or program: it is not the one that this program was built with.
    pub fn new(ebpf: &mut Ebpf, state_program: &str) -> anyhow::Result<Self> {
        let counters =
            ebpf.take_map(map::LOSS_COUNTERS).context("the eBPF object has no map LOSS_COUNTERS")?;
        let state_program = ebpf.program(state_program).context("the eBPF object lacks its state program")?;
        let others = ebpf.programs().filter(|(name, _)| !hooks::reports_transitions(name));
        // Programs that are not loaded have no descriptor.
        let others = others.filter_map(|(_, program)| program.fd().ok());
        Ok(Self {
            counters: PerCpuArray::try_from(counters)?,
            state_program: state_program.fd()?.try_clone()?,
            other_programs: others.map(ProgramFd::try_clone).collect::<Result<_, _>>()?,
            skipped_others: 0,
            nested_at_last_check: 0,
            reported: Totals::default(),
            unknown_records: 0,
        })
    }

    /// Counts a record that could not be decoded.
    pub fn count_unknown_record(&mut self) {
        self.unknown_records += 1;
    }

    /// Reports the losses since the last check.
    ///
    /// # Errors
    /// A counter can't be read: nothing is known of losses since the last check.
    pub fn check(&mut self, at: Moment, mut report: impl FnMut(Loss)) -> Result<(), LossesUncounted> {
        let read =
            skipped_runs(&self.state_program).and_then(|skipped| Ok((skipped, self.sum_of_all_cpus()?)));
        let mut report = |place, what, count| report(Loss { at, count, place, what });
        let (skipped, counters) = match read {
            Ok(read) => read,
            Err(uncounted) => {
                let now = Totals { unknown_records: self.unknown_records, ..self.reported };
                self.reported.report_until(now, &mut report);
                return Err(uncounted);
            }
        };
        let LossCounters { rescued, lost_transitions, lost_observations } = counters;
        // The kernel counts a skipped run just before another program rescues the transition, so only a difference that
        // is still there at the next check is a loss.
        let not_rescued = skipped.saturating_sub(rescued);
        let nested = not_rescued.min(self.nested_at_last_check);
        self.nested_at_last_check = not_rescued;
        let now = Totals {
            transitions: lost_transitions,
            observations: lost_observations,
            nested,
            unknown_records: self.unknown_records,
        };
        self.reported.report_until(now, &mut report);
        Ok(())
    }

    /// Whether the kernel has skipped a run of another hook's program since the last call. The run may have been for a
    /// minisocket, or (of a timer's program) for no connection: only a snapshot of all sockets shows which.
    ///
    /// # Errors
    /// It can't be read how many runs the kernel has skipped.
    pub fn has_skipped_others(&mut self) -> Result<bool, LossesUncounted> {
        let skipped = self.other_programs.iter().map(skipped_runs).sum::<Result<u64, _>>()?;
        let before = std::mem::replace(&mut self.skipped_others, skipped);
        Ok(skipped > before)
    }

    fn sum_of_all_cpus(&self) -> Result<LossCounters, LossesUncounted> {
        let cpus = self.counters.get(&0, 0).map_err(|error| {
            let (name, why) = (map::LOSS_COUNTERS, anyhow::Error::from(error));
            LossesUncounted(format!("the map {name} can't be read ({why:#}); it takes CAP_BPF"))
        })?;
        let counters = cpus.iter().filter_map(|bytes| wire::from_bytes::<LossCounters>(&bytes.0));
        Ok(counters.fold(LossCounters::default(), |sum, cpu| LossCounters {
            rescued: sum.rescued + cpu.rescued,
            lost_transitions: sum.lost_transitions + cpu.lost_transitions,
            lost_observations: sum.lost_observations + cpu.lost_observations,
        }))
    }
}

impl Totals {
    /// Reports the differences to larger totals, which become these.
    fn report_until(&mut self, now: Self, mut report: impl FnMut(LossPlace, LossKind, u64)) {
        let Self { transitions, observations, nested, unknown_records } = self;
        for (place, what, now, reported) in [
            (LossPlace::Ring, LossKind::Transitions, now.transitions, transitions),
            (LossPlace::Ring, LossKind::Observations, now.observations, observations),
            (LossPlace::Nested, LossKind::Transitions, now.nested, nested),
            (LossPlace::Ring, LossKind::UnknownRecords, now.unknown_records, unknown_records),
        ] {
            let count = now.saturating_sub(*reported);
            if count > 0 {
                *reported = now;
                report(place, what, count);
            }
        }
    }
}

/// `recursion_misses` of a program (`bpf_prog_show_fdinfo`, kernel/bpf/syscall.c, 5.12). 0 on kernels that don't count
/// them: those don't skip nested runs either.
///
/// # Errors
/// /proc is not mounted, or its file can't be read: before 5.19 that takes CAP_DAC_READ_SEARCH if the program file has
/// capabilities.
fn skipped_runs(program: &ProgramFd) -> Result<u64, LossesUncounted> {
    if kernel_version::running().is_some_and(|version| version < FIRST_THAT_SKIPS) {
        return Ok(0);
    }
    let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
    let text = std::fs::read_to_string(&path).map_err(|error| {
        LossesUncounted(format!("{path} can't be read ({error}); it takes a mounted /proc"))
    })?;
    let mut lines = text.lines();
    Ok(lines.find_map(|line| line.strip_prefix("recursion_misses:")?.trim().parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reported(totals: &mut Totals, now: Totals) -> Vec<(LossPlace, LossKind, u64)> {
        let mut reported = Vec::new();
        totals.report_until(now, |place, what, count| reported.push((place, what, count)));
        reported
    }

    #[test]
    fn each_kind_of_loss_is_reported_apart_and_once() {
        let now = Totals { transitions: 7, observations: 5, nested: 1, unknown_records: 2 };
        let mut totals = Totals::default();
        assert_eq!(
            reported(&mut totals, now),
            [
                (LossPlace::Ring, LossKind::Transitions, 7),
                (LossPlace::Ring, LossKind::Observations, 5),
                (LossPlace::Nested, LossKind::Transitions, 1),
                (LossPlace::Ring, LossKind::UnknownRecords, 2),
            ]
        );
        assert_eq!(reported(&mut totals, now), []);
        let now = Totals { observations: 6, ..now };
        assert_eq!(reported(&mut totals, now), [(LossPlace::Ring, LossKind::Observations, 1)]);
    }

    #[test]
    fn a_rescue_that_is_counted_late_is_no_negative_loss() {
        let mut totals = Totals { nested: 3, ..Totals::default() };
        assert_eq!(reported(&mut totals, Totals::default()), []);
        let now = Totals { nested: 4, ..Totals::default() };
        assert_eq!(reported(&mut totals, now), [(LossPlace::Nested, LossKind::Transitions, 1)]);
    }
}
