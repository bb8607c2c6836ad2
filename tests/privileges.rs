//! Users, root and containers with fewer privileges: what is possible works, and the rest is reported plainly.

#![cfg(target_os = "linux")]

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    normalization,
    output::Destination,
    privilege::{BinaryCopy, as_root_without, charges_memlock, effective_of_threads},
    scenario::TestNet,
    seccomp, skip,
    trace::{Trace, is_one_error},
    traced_run::TracedRun,
    tracer::{self, Tracer},
};
use rustix::process::{Resource, Rlimit};

/// The arguments of an eBPF trace. The duration ends it if the test can't.
const TRACE: [&str; 5] = ["--json", "--source", "ebpf", "-d", "60s"];

/// Name of the thread that takes snapshots.
const SNAPSHOTTER: &str = "rnetstat-snap";

/// CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_BPF (include/uapi/linux/capability.h).
const READ_SEARCH: u64 = 1 << 2;
const PTRACE: u64 = 1 << 19;
const ADMIN: u64 = 1 << 21;
const NET_ADMIN: u64 = 1 << 12;
const BPF: u64 = 1 << 39;

#[test]
fn without_privileges_one_line_says_what_is_missing() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let copy = BinaryCopy::new(None)?;
    refuses(&mut copy.as_nobody(&TRACE), &["not permitted", "sudo", "CAP_BPF", "CAP_PERFMON", "setcap"])
}

#[test]
fn root_without_cap_bpf_gets_an_error_that_names_it() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    refuses(&mut as_root_without("-bpf,-sys_admin", &TRACE)?, &["this root lacks CAP_BPF:", "--cap-add BPF"])
}

#[test]
fn two_capabilities_are_enough_for_every_transition_and_the_missing_facts_name_the_others() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let copy = copy_with("cap_bpf,cap_perfmon")?;
    let trace = beside_traffic(&mut copy.as_nobody(&TRACE))?;
    let missing = trace.events()?.start.missing;
    let says = |word: &str| missing.iter().any(|missing| missing.why.contains(word));
    ensure!(says("CAP_SYS_ADMIN"), "{missing:?}");
    let by_functions = trace.events()?.start.hooks.iter().any(|hook| hook.kind == "fentry");
    ensure!(by_functions || says("CAP_SYSLOG") || says("kptr_restrict"), "{missing:?}");
    Ok(())
}

#[test]
fn with_cap_syslog_time_wait_is_shown_too() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let copy = copy_with("cap_bpf,cap_perfmon,cap_syslog")?;
    let trace = beside_traffic(&mut copy.as_nobody(&TRACE))?;
    ensure!(trace.rows()?.iter().any(|row| row.new_state == "TIME_WAIT"), "no TIME_WAIT: {}", trace.stderr);
    Ok(())
}

#[test]
fn after_the_start_no_thread_keeps_a_privilege_that_it_does_not_need() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let tracer = Tracer::start(&[])?;
    let threads = effective_of_threads(tracer.pid())?;
    ensure!(threads.iter().any(|(name, _)| name == SNAPSHOTTER), "{threads:?}");
    for (name, effective) in &threads {
        let needed = match name.as_str() {
            SNAPSHOTTER => BPF | ADMIN | PTRACE | READ_SEARCH | NET_ADMIN,
            _ => BPF | READ_SEARCH,
        };
        ensure!(effective & !needed == 0, "the thread {name} keeps {:#x}", effective & !needed);
    }
    tracer.stop()?;
    Ok(())
}

#[test]
fn if_seccomp_forbids_every_program_load_the_error_suggests_it() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = tracer::command(&TRACE)?;
    seccomp::loads_fail_with(&mut command, libc::EPERM);
    refuses(&mut command, &["even the simplest program", "seccomp", "lockdown", "rnetstat-trace doctor"])
}

#[test]
fn a_small_limit_of_locked_memory_is_raised_or_named_in_the_error() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // Raising the limit needs CAP_SYS_RESOURCE. Only kernels before 5.11 charge eBPF's memory to it.
    let mut command = as_root_without("-sys_resource", &["--json", "--source", "ebpf", "-d", "1s"])?;
    let output = with_64_kib(&mut command).output()?;
    if charges_memlock() {
        is_one_error(&output, 1, &["limit on locked memory", "64 KiB", "ulimit"])?;
        let mut command = tracer::command(&["--json", "--source", "ebpf", "-d", "1s"])?;
        let output = with_64_kib(&mut command).output()?;
        ensure!(output.status.success(), "it was not raised: {}", String::from_utf8_lossy(&output.stderr));
    } else {
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[test]
fn for_a_user_with_capabilities_the_error_names_a_small_limit_of_locked_memory() -> Result<()> {
    if skip::without_root() || skip::without_memlock_accounting() {
        return Ok(());
    }
    let copy = BinaryCopy::new(Some("cap_bpf,cap_perfmon+ep"))?;
    let output = with_64_kib(&mut copy.as_nobody(&TRACE)).output()?;
    is_one_error(&output, 1, &["limit on locked memory", "64 KiB", "ulimit"])
}

/// A copy with these capabilities, and with CAP_SYS_RESOURCE where the kernel charges eBPF's memory to
/// RLIMIT_MEMLOCK.
fn copy_with(capabilities: &str) -> Result<BinaryCopy> {
    let more = if charges_memlock() { ",cap_sys_resource" } else { "" };
    BinaryCopy::new(Some(&format!("{capabilities}{more}+ep")))
}

/// Sets RLIMIT_MEMLOCK as `ulimit -l 64` does.
fn with_64_kib(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt as _;
    let small = Rlimit { current: Some(64 << 10), maximum: Some(64 << 10) };
    let limit = move || Ok(rustix::process::setrlimit(Resource::Memlock, small)?);
    // SAFETY: the closure makes only one system call, as allowed between fork and exec.
    unsafe { command.pre_exec(limit) }
}

#[test]
fn in_a_network_and_pid_namespace_the_connections_of_the_whole_host_are_shown() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let mut command = tracer::command_of(
        "unshare".as_ref(),
        &["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"],
    );
    let address = net.addresses.server().ip().to_string();
    command.arg(tracer::binary()?).args(TRACE).args(["-n", "12", "--addr", &address]);
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?.started()?;
    net.netns.run(|| net.pair()?.client_closes())?;
    let trace = tracer.finish()?;
    let missing = trace.events()?.start.missing;
    ensure!(missing.iter().any(|missing| missing.what.contains("PID namespace")), "{missing:?}");
    let rows = trace.rows()?;
    let connects = rows.iter().find(|row| row.new_state == "SYN_SENT").context("no SYN_SENT")?;
    ensure!(connects.netns == Some(net.netns.inum()?), "another namespace: {connects:?}");
    ensure!(connects.pid == Some(std::process::id()), "another process: {connects:?}");
    Ok(())
}

/// Runs a trace beside some connections. It must show what the kernel's record has.
fn beside_traffic(command: &mut Command) -> Result<Trace> {
    let mut run = TracedRun::beside(|| Ok(vec![Tracer::spawn(command, Destination::Pipe)?.started()?]))?;
    let missing = run.traces[0].events()?.start.missing;
    let is_classic = missing.iter().any(|missing| missing.what.contains("TIME_WAIT"));
    run.compare(if is_classic { normalization::CLASSIC_TRACEPOINT } else { normalization::DEFAULT })?;
    Ok(run.traces.remove(0))
}

/// Checks that it ends with exit code 1 and one line on stderr that has all the words.
fn refuses(command: &mut Command, words: &[&str]) -> Result<()> {
    is_one_error(&command.output().context("running rnetstat-trace")?, 1, words)
}
