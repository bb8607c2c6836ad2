//! A trace in a cgroup with little memory: its ring buffer is in proportion, and that is said.

#![cfg(target_os = "linux")]

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{limited_cgroup::LimitedCgroup, output::Destination, skip, tracer, tracer::Tracer};
use serde_json::Value;

const MIB: u64 = 1 << 20;
/// What the start says of a small ring buffer.
const LONG_BURSTS: &str = "long bursts";

/// The command in a cgroup with so much memory. The cgroup is removed with the first value; None if there can be none.
fn limited(limit: u64, arguments: &[&str]) -> Result<Option<(LimitedCgroup, Command)>> {
    let Some(cgroup) = LimitedCgroup::memory(limit)? else { return Ok(None) };
    let mut command = tracer::command(arguments)?;
    cgroup.limit(&mut command)?;
    Ok(Some((cgroup, command)))
}

#[test]
fn where_memory_is_limited_the_ring_is_small_and_the_start_and_the_doctor_say_so() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let limit = 256 * MIB;
    let run = |arguments: &[&str]| limited(limit, arguments);
    let by_default = run(&["--json"])?;
    if skip::without("the memory controller of cgroups", by_default.is_some()) {
        return Ok(());
    }
    let (_cgroup, mut command) = by_default.context("no controller")?;
    let trace = Tracer::spawn(&mut command, Destination::Pipe)?.started()?.stop()?;
    let missing = trace.events()?.start.missing;
    let note = missing.iter().find(|missing| missing.what.contains(LONG_BURSTS)).context("no note")?;
    for word in ["256 MiB", "8192 KiB", "16384", "--ring-size"] {
        ensure!(note.why.contains(word), "no {word} in {note:?}");
    }
    let lines = trace.stderr.lines().filter(|line| line.contains(LONG_BURSTS)).count();
    ensure!(lines == 1, "{}", trace.stderr);

    let (_cgroup, mut doctor) = run(&["doctor", "--json"])?.context("no controller")?;
    let report: Value = serde_json::from_slice(&doctor.output()?.stdout)?;
    ensure!(report["memory_limit_bytes"] == limit, "{report:#}");
    ensure!(report["missing"].to_string().contains(LONG_BURSTS), "{report:#}");

    let (_cgroup, mut command) = run(&["--json", "--ring-size", "1M"])?.context("no controller")?;
    let trace = Tracer::spawn(&mut command, Destination::Pipe)?.started()?.stop()?;
    ensure!(!trace.stderr.contains(LONG_BURSTS), "the user has given the size: {}", trace.stderr);
    Ok(())
}
