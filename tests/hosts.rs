//! Hosts on which something is missing or shared: it works all the same, and says what it can't see.

use anyhow::{Result, ensure};
use netstat_tests::{
    compare, hidden,
    lives::{self, Life},
    oracle::{ORDINARY, Oracle},
    output::Destination,
    refinement::{self, Rules},
    scenario::{Place, close, reset},
    skip,
    trace::Trace,
    tracer::{Tracer, command},
};

#[test]
fn without_btf_the_classic_tracepoint_shows_every_transition() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = command(&["--json"])?;
    hidden::hide(&mut command, &[c"/sys/kernel/btf"]);
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?.started()?;
    let played = Played::beside(vec![tracer])?;
    for trace in &played.traces {
        let start = trace.events()?.start;
        ensure!(start.hooks.iter().any(|hook| hook.kind == "tracepoint"), "{start:?}");
        ensure!(start.missing.iter().any(|missing| missing.why.contains("BTF")), "{:?}", start.missing);
        ensure!(trace.stderr.contains("BTF"), "stderr doesn't say that BTF is missing: {}", trace.stderr);
    }
    played.are_shown(refinement::CLASSIC)
}

#[test]
fn without_tracefs_every_transition_is_shown() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = command(&["--json"])?;
    hidden::unmounted(&mut command, c"/sys/kernel/tracing");
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?.started()?;
    Played::beside(vec![tracer])?.are_shown(refinement::TODAY)
}

#[test]
fn two_traces_side_by_side_both_show_every_transition() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Played::beside(vec![Tracer::start(&[])?, Tracer::start(&[])?])?.are_shown(refinement::TODAY)
}

/// Some connections, as several traces and the kernel's record show them.
struct Played {
    traces: Vec<Trace>,
    record: Vec<Life>,
    place: Place,
}

impl Played {
    fn beside(tracers: Vec<Tracer>) -> Result<Self> {
        let place = Place::new()?;
        let mut oracle = Oracle::start(ORDINARY, &[&place.block])?;
        for case in close::CASES.iter().chain(reset::CASES) {
            place.play(case)?;
        }
        let record = lives::completed(&mut oracle, &[&place.block])?;
        let traces = tracers.into_iter().map(Tracer::stop).collect::<Result<_>>()?;
        Ok(Self { traces, record, place })
    }

    fn are_shown(&self, rules: Rules) -> Result<()> {
        for trace in &self.traces {
            let rows = trace.rows()?;
            let rows = rows.iter().filter(|row| row.is_of(&self.place.block));
            compare::hold_against(&self.record, rows, rules)?;
        }
        Ok(())
    }
}
