//! Hosts on which something is missing or shared: the trace works, and reports what it can't observe.

#![cfg(target_os = "linux")]

use std::ffi::CString;

use anyhow::{Result, ensure};
use netstat_tests::{
    btf, mounts, normalization,
    output::Destination,
    skip,
    traced_run::TracedRun,
    tracer::{Tracer, command},
};

#[test]
fn without_btf_the_classic_tracepoint_shows_every_transition() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = command(&["--json"])?;
    mounts::hide(&mut command, &[c"/sys/kernel/btf"]);
    let run = TracedRun::beside(|| Ok(vec![Tracer::spawn(&mut command, Destination::Pipe)?.started()?]))?;
    for trace in &run.traces {
        let start = trace.events()?.start;
        ensure!(start.hooks.iter().any(|hook| hook.kind == "tracepoint"), "{start:?}");
        ensure!(start.missing.iter().any(|missing| missing.why.contains("BTF")), "{:?}", start.missing);
        ensure!(trace.stderr.contains("BTF"), "stderr doesn't say that BTF is missing: {}", trace.stderr);
    }
    run.compare(normalization::CLASSIC_TRACEPOINT)
}

#[test]
fn if_the_verifier_refuses_a_program_its_message_is_reported_and_the_classic_tracepoint_is_used() -> Result<()>
{
    if skip::without_root() {
        return Ok(());
    }
    // The verifier refuses a program that follows a pointer at another offset than the kernel's own BTF says.
    let file = std::env::temp_dir().join(format!("rnetstat-tests-btf-{}", std::process::id()));
    std::fs::write(&file, btf::with_field_moved("sock_common", "skc_net")?)?;
    let mut command = command(&["--json"])?;
    let path = CString::new(file.as_os_str().as_encoded_bytes())?;
    mounts::replaced(&mut command, c"/sys/kernel/btf/vmlinux", path);
    let run = TracedRun::beside(|| {
        let started = Tracer::spawn(&mut command, Destination::Pipe)?.started();
        std::fs::remove_file(&file)?;
        Ok(vec![started?])
    })?;
    for trace in &run.traces {
        let start = trace.events()?.start;
        ensure!(start.hooks.iter().all(|hook| hook.kind == "tracepoint"), "{start:?}");
        // The text of the errno, and in parentheses the line of the verifier's log.
        let said = "tp_btf/inet_sock_set_state: Permission denied (os error 13) (";
        ensure!(start.missing.iter().any(|missing| missing.why.contains(said)), "{:?}", start.missing);
        ensure!(trace.stderr.contains(said), "stderr doesn't pass it on: {}", trace.stderr);
    }
    run.compare(normalization::CLASSIC_TRACEPOINT)
}

#[test]
fn without_tracefs_every_transition_is_shown() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = command(&["--json"])?;
    mounts::unmounted(&mut command, c"/sys/kernel/tracing");
    TracedRun::beside(|| Ok(vec![Tracer::spawn(&mut command, Destination::Pipe)?.started()?]))?
        .compare(normalization::DEFAULT)
}

#[test]
fn two_traces_at_the_same_time_both_show_every_transition() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    TracedRun::beside(|| Ok(vec![Tracer::start(&[])?, Tracer::start(&[])?]))?.compare(normalization::DEFAULT)
}
