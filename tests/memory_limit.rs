//! A trace in a cgroup with little memory: its ring buffer is in proportion, eBPF is left out where it would not fit, and
//! each is said.

#![cfg(target_os = "linux")]

use std::{
    fmt::Write as _,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    child, event::Source, limited_cgroup::LimitedCgroup, output::Destination, skip, tracer, tracer::Tracer,
    wait,
};
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

#[test]
fn where_the_memory_is_too_little_for_the_kernel_s_btf_ebpf_is_not_tried_and_that_is_said() -> Result<()> {
    if skip::without_root()
        || skip::without("a kernel with BTF", Path::new("/sys/kernel/btf/vmlinux").exists())
    {
        return Ok(());
    }
    let root = Root::new("btf")?;
    process_with_connections(&root.0, 1)?;
    let run = |arguments: &[&str]| limited(24 * MIB, arguments);
    // The tests that run at the same time may have so many sockets that a poll of the host takes more memory, too.
    let by_default = run(&["--json", "--proc-root", root.path()?])?;
    if skip::without("the memory controller of cgroups", by_default.is_some()) {
        return Ok(());
    }
    let words = ["is limited to 24 MiB", "eBPF needs", "raise the limit"];
    let has_all = |text: &str| words.iter().all(|word| text.contains(word));

    let (_cgroup, mut command) = by_default.context("no controller")?;
    let trace = Tracer::spawn(&mut command, Destination::Pipe)?.started()?.stop()?;
    let start = trace.events()?.start;
    ensure!(start.source == Source::Proc, "{start:?}");
    ensure!(start.missing.iter().any(|missing| has_all(&missing.why)), "{start:?}");
    ensure!(has_all(&trace.stderr), "{}", trace.stderr);

    let (_cgroup, mut command) = run(&["--source", "ebpf"])?.context("no controller")?;
    let refused = child::output(&mut command)?;
    let stderr = String::from_utf8(refused.stderr)?;
    ensure!(refused.status.code() == Some(1) && refused.stdout.is_empty(), "{:?}", refused.status);
    ensure!(stderr.lines().count() == 1 && has_all(&stderr), "{stderr}");

    let (_cgroup, mut doctor) = run(&["doctor", "--json"])?.context("no controller")?;
    let report: Value = serde_json::from_slice(&child::output(&mut doctor)?.stdout)?;
    ensure!(report["source"] == "proc" && has_all(&report["error"].to_string()), "{report:#}");
    ensure!(report["advice"].to_string().contains("Raise the memory limit"), "{report:#}");
    Ok(())
}

#[test]
fn fifty_thousand_connections_are_polled_within_48_mib_and_not_within_32() -> Result<()> {
    const CONNECTIONS: usize = 50_000;
    if skip::without_root() {
        return Ok(());
    }
    let root = Root::new("polls")?;
    process_with_connections(&root.0, CONNECTIONS)?;
    let count = CONNECTIONS.to_string();
    let arguments = ["--json", "--source", "proc", "--proc-root", root.path()?, "--existing", "-n", &count];
    let limited = limited(48 * MIB, &arguments)?;
    if skip::without("the memory controller of cgroups", limited.is_some()) {
        return Ok(());
    }
    let (_cgroup, mut command) = limited.context("no controller")?;
    let trace = Tracer::spawn(&mut command, Destination::Pipe)?.finish()?;
    let existing = trace.events()?.existing;
    ensure!(existing.len() == CONNECTIONS, "{} of {CONNECTIONS}: {}", existing.len(), trace.stderr);
    ensure!(existing.iter().all(|row| row.pid == Some(10)), "some have no owner: {}", trace.stderr);

    let arguments = ["--json", "--source", "proc", "--proc-root", root.path()?];
    let (_cgroup, mut command) = self::limited(32 * MIB, &arguments)?.context("no controller")?;
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?.started()?;
    wait::until("too little memory is said", || {
        let said = "and the memory of this process's cgroup is limited to 32 MiB";
        Ok(tracer.stderr_so_far()?.contains(said).then_some(()))
    })?;
    tracer.stop()?;
    Ok(())
}

/// A directory that is removed at the end of the test.
struct Root(PathBuf);

impl Root {
    fn new(test: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("rnetstat-tests-{test}-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self) -> Result<&str> {
        self.0.to_str().context("the path isn't UTF-8")
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // It would show as a leftover directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a directory like /proc of one process that holds connections: no test may open so many files.
fn process_with_connections(root: &Path, count: usize) -> Result<()> {
    const HEADER: &str =
        "sl local_address rem_address st tx_queue:rx_queue tr:when retrnsmt uid timeout inode\n";
    let process = root.join("10");
    for part in ["ns", "net", "fd"] {
        fs::create_dir_all(process.join(part))?;
    }
    symlink("net:[11]", process.join("ns/net"))?;
    fs::write(process.join("comm"), "server\n")?;
    fs::copy("/proc/self/status", process.join("status"))?;
    let mut table = HEADER.to_owned();
    for number in 1..=count {
        let (host, port) = (number / 50_000, 1024 + number % 50_000);
        writeln!(table, "0: 0100007F:01BB {host:04X}000A:{port:04X} 01 0:0 00:0 0 0 0 {number} 1",)?;
        symlink(format!("socket:[{number}]"), process.join("fd").join(number.to_string()))?;
    }
    fs::write(process.join("net/tcp"), table)?;
    fs::write(process.join("net/tcp6"), HEADER)?;
    Ok(())
}
