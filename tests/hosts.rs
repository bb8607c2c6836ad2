//! Hosts on which something is missing or shared: it works all the same, and says what it can't see.

#![cfg(target_os = "linux")]

use std::ffi::CString;

use anyhow::{Result, ensure};
use netstat_tests::{
    btf, compare, hidden,
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
    let played = Played::beside(|| Ok(vec![Tracer::spawn(&mut command, Destination::Pipe)?.started()?]))?;
    for trace in &played.traces {
        let start = trace.events()?.start;
        ensure!(start.hooks.iter().any(|hook| hook.kind == "tracepoint"), "{start:?}");
        ensure!(start.missing.iter().any(|missing| missing.why.contains("BTF")), "{:?}", start.missing);
        ensure!(trace.stderr.contains("BTF"), "stderr doesn't say that BTF is missing: {}", trace.stderr);
    }
    played.are_shown(refinement::CLASSIC)
}

#[test]
fn where_the_verifier_refuses_its_word_is_passed_on_and_the_classic_tracepoint_serves() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // A pointer that stands elsewhere than the BTF says is one that no program may follow.
    let file = std::env::temp_dir().join(format!("rnetstat-tests-btf-{}", std::process::id()));
    std::fs::write(&file, btf::with_field_moved("sock_common", "skc_net")?)?;
    let mut command = command(&["--json"])?;
    let path = CString::new(file.as_os_str().as_encoded_bytes())?;
    hidden::replaced(&mut command, c"/sys/kernel/btf/vmlinux", path);
    let played = Played::beside(|| {
        let started = Tracer::spawn(&mut command, Destination::Pipe)?.started();
        std::fs::remove_file(&file)?;
        Ok(vec![started?])
    })?;
    for trace in &played.traces {
        let start = trace.events()?.start;
        ensure!(start.hooks.iter().all(|hook| hook.kind == "tracepoint"), "{start:?}");
        // The errno's text, and in brackets the line of the verifier's log.
        let said = "tp_btf/inet_sock_set_state: Permission denied (os error 13) (";
        ensure!(start.missing.iter().any(|missing| missing.why.contains(said)), "{:?}", start.missing);
        ensure!(trace.stderr.contains(said), "stderr doesn't pass it on: {}", trace.stderr);
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
    Played::beside(|| Ok(vec![Tracer::spawn(&mut command, Destination::Pipe)?.started()?]))?
        .are_shown(refinement::TODAY)
}

#[test]
fn two_traces_side_by_side_both_show_every_transition() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    Played::beside(|| Ok(vec![Tracer::start(&[])?, Tracer::start(&[])?]))?.are_shown(refinement::TODAY)
}

/// Some connections, as several traces and the kernel's record show them.
struct Played {
    traces: Vec<Trace>,
    record: Vec<Life>,
    place: Place,
}

impl Played {
    /// The traces start when the place is ours: what another test did there before is none of theirs.
    fn beside(start: impl FnOnce() -> Result<Vec<Tracer>>) -> Result<Self> {
        let place = Place::new()?;
        let mut oracle = Oracle::start(ORDINARY, &[&place.block])?;
        let tracers = start()?;
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
