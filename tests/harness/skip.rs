//! Skips a test that needs what this host lacks. Each skipped test is printed and counted, so that it can't pass silently.
//!
//! A test returns early only as `if skip::without…(…) { return Ok(()); }`; a test of xtask checks that.

use std::{
    ffi::{CStr, OsStr},
    io::Write as _,
    os::unix::ffi::OsStrExt as _,
    panic::Location,
    path::Path,
    process::Command,
    thread,
};

use crate::{child, event::Start, privilege, sock::Sock, time_namespace};

/// Whether the calling test must be skipped because this host lacks `what`.
///
/// Prints a skipped test, and appends its name and the reason to the file that `RNETSTAT_SKIPPED` names.
#[track_caller]
pub fn without(what: &str, is_available: bool) -> bool {
    if !is_available {
        record(what);
    }
    !is_available
}

/// Whether the calling test must be skipped because it doesn't run as root.
#[track_caller]
pub fn without_root() -> bool {
    without("root", rustix::process::geteuid().is_root())
}

/// Whether the calling test must be skipped because the kernel has no MPTCP.
#[track_caller]
pub fn without_mptcp() -> bool {
    let address = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    without("a kernel with MPTCP", Sock::mptcp(address).is_ok())
}

/// Whether the calling test must be skipped because the kernel has no time namespaces, or lets no process with threads make one.
#[track_caller]
pub fn without_time_namespaces() -> bool {
    without("time namespaces", time_namespace::are_available())
        || without(
            "a kernel from 6.3 on, where threads start after unshare(CLONE_NEWTIME)",
            time_namespace::may_start_threads(),
        )
}

/// Whether the calling test must be skipped because the host has fewer CPUs.
#[track_caller]
pub fn without_cpus(count: usize) -> bool {
    let available = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    without(&format!("{count} CPUs"), available >= count)
}

/// Whether the calling test must be skipped because the kernel doesn't charge eBPF's memory to RLIMIT_MEMLOCK.
#[track_caller]
pub fn without_memlock_accounting() -> bool {
    without(
        "a kernel before 5.11, which charges eBPF's memory to RLIMIT_MEMLOCK",
        privilege::charges_memlock(),
    )
}

/// Whether the calling test must be skipped because the trace reports that it can't observe `fact` on this host.
#[track_caller]
pub fn without_fact(fact: &str, start: &Start) -> bool {
    let missing = start.missing.iter().find(|missing| missing.what.contains(fact));
    let why = missing.map_or("", |missing| &missing.why);
    without(&format!("a trace that observes {fact} ({why})"), missing.is_none())
}

/// Whether the calling test must be skipped because strace(1), which injects faults, doesn't work here.
#[track_caller]
pub fn without_strace() -> bool {
    let works = child::output(Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]));
    without("strace", works.is_ok_and(|output| output.status.success()))
}

/// Whether the calling test must be skipped because there is no such file that it could replace.
#[track_caller]
pub fn without_file(path: &CStr) -> bool {
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    without(&path.display().to_string(), path.exists())
}

#[track_caller]
fn record(what: &str) {
    let line = format!("{}: it needs {what}\n", test_name());
    eprint!("SKIPPED {line}");
    if let Some(path) = std::env::var_os("RNETSTAT_SKIPPED") {
        let file = std::fs::File::options().append(true).create(true).open(&path);
        // One write per line: tests that run at the same time append to the same file.
        if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
            panic!("can't append {line:?} to {}: {error}", path.display());
        }
    }
}

/// libtest gives a test's thread the test's name, except when it runs all tests on the main thread.
#[track_caller]
fn test_name() -> String {
    match thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => Location::caller().to_string(),
    }
}
