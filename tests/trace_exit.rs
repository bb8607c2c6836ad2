//! Every way to end a trace is clean, and leaves nothing in the kernel.

#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    bpf_objects::{self, Kind},
    output::Destination,
    scenario::TestNet,
    skip,
    state_path::wait_for_rows,
    tracer::{Tracer, command},
    wait,
};
use rustix::process::Signal;

#[test]
fn sigint_ends_the_trace_with_a_summary() -> Result<()> {
    ends_cleanly_on(Signal::INT)
}

#[test]
fn sigterm_ends_the_trace_with_a_summary() -> Result<()> {
    ends_cleanly_on(Signal::TERM)
}

fn ends_cleanly_on(signal: Signal) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = Tracer::start(&["--addr", &net.addresses.server().ip().to_string()])?;
    net.netns.run(|| net.pair()?.client_closes())?;
    // The transitions of the listener, the client and the server. The last ACK may arrive after close() has returned.
    wait_for_rows(&tracer, &net, 12)?;
    tracer.signal(signal)?;
    let trace = tracer.finish()?;
    let rows = u64::try_from(trace.rows()?.len())?;
    ensure!(rows == 12, "{rows} rows: {}", trace.stdout);
    let summary = trace.summary()?;
    ensure!((summary.seen, summary.lost, summary.repaired) == (rows, 0, 0), "{summary:?}");
    let end = trace.events()?.end.context("no `end`")?;
    ensure!((end.transitions, end.lost, end.repaired) == (rows, 0, 0), "{end:?}");
    Ok(())
}

#[test]
fn a_count_ends_the_trace_after_exactly_so_many_rows() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = Tracer::start(&["-n", "5", "--addr", &net.addresses.server().ip().to_string()])?;
    net.netns.run(|| net.pair()?.client_closes())?;
    let trace = tracer.finish()?;
    ensure!(trace.rows()?.len() == 5, "{}", trace.stdout);
    ensure!(trace.summary()?.seen == 5, "{}", trace.stderr);
    Ok(())
}

#[test]
fn a_duration_ends_the_trace() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let trace = Tracer::start(&["-d", "1s"])?.finish()?;
    let lasted = trace.events()?.end.context("no `end`")?.duration_ns;
    ensure!(lasted >= 1_000_000_000, "it ended after {lasted} ns");
    Ok(())
}

#[test]
fn a_closed_pipe_ends_the_trace_successfully() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let mut child = command(&["--json"])?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut head = BufReader::new(child.stdout.take().context("no stdout")?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    net.netns.run(|| net.pair()?.client_closes())?;
    for _ in 0..2 {
        head.read_line(&mut line)?;
    }
    drop(head);
    let status = wait::until("it notices the closed pipe", || {
        net.netns.run(|| net.pair()?.client_closes())?;
        Ok(child.try_wait()?)
    })?;
    ensure!(status.code() == Some(0), "it ended with {status}");
    ensure!(line.lines().count() == 3, "{line}");
    Ok(())
}

#[test]
fn nothing_stays_in_the_kernel_after_sigint() -> Result<()> {
    nothing_stays_after(Signal::INT)
}

#[test]
fn nothing_stays_in_the_kernel_after_sigkill() -> Result<()> {
    nothing_stays_after(Signal::KILL)
}

fn nothing_stays_after(signal: Signal) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let tracer = Tracer::spawn(&mut command(&["--json"])?, Destination::Pipe)?.started()?;
    let held = bpf_objects::held_by(tracer.pid())?;
    for kind in [Kind::Program, Kind::Map, Kind::Link] {
        ensure!(held.iter().any(|object| object.0 == kind), "it has no {kind:?}: {held:?}");
    }
    for object in &held {
        ensure!(bpf_objects::exists(*object)?, "{object:?} is held and doesn't exist");
    }
    tracer.signal(signal)?;
    tracer.end()?;
    // The kernel frees them shortly after their last reference.
    wait::until("the kernel has freed all of it", || {
        for object in &held {
            if bpf_objects::exists(*object)? {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}
