//! Tests that need what is not there, root or a feature of the kernel: said aloud and counted, never silently passed.

use std::{io::Write as _, panic::Location, thread};

use crate::{event::Start, privilege, sock::Sock};

/// Whether the calling test must be skipped because it isn't run by root.
///
/// A skipped test is printed, and its name and reason are appended to the file that `RNETSTAT_SKIPPED` names.
#[track_caller]
pub fn without_root() -> bool {
    !rustix::process::geteuid().is_root() && skip("it needs root")
}

/// Whether the calling test must be skipped because the kernel knows no MPTCP.
#[track_caller]
pub fn without_mptcp() -> bool {
    let address = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    Sock::mptcp(address).is_err() && skip("this kernel knows no MPTCP")
}

/// Whether the calling test must be skipped because the kernel doesn't count eBPF's memory as locked.
#[track_caller]
pub fn where_locked_memory_is_not_counted() -> bool {
    !privilege::kernel_counts_locked_memory()
        && skip("this kernel (5.11 or later) has no limit on eBPF's memory to play with")
}

/// Whether the calling test must be skipped because the trace says that it can't see this here.
#[track_caller]
pub fn without_sight_of(what: &str, start: &Start) -> bool {
    start.missing.iter().any(|missing| missing.what.contains(what) && skip(&missing.why))
}

#[track_caller]
fn skip(why: &str) -> bool {
    let name = test_name();
    eprintln!("SKIPPED {name}: {why}");
    if let Some(path) = std::env::var_os("RNETSTAT_SKIPPED") {
        let file = std::fs::File::options().append(true).create(true).open(&path);
        // One write a line: tests that run side by side append to the same file.
        if let Err(error) = file.and_then(|mut file| file.write_all(format!("{name}: {why}\n").as_bytes())) {
            panic!("can't note the skipped {name} in {}: {error}", path.display());
        }
    }
    true
}

/// libtest names a test's thread like the test, except when it runs all tests on the main thread.
#[track_caller]
fn test_name() -> String {
    match thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => Location::caller().to_string(),
    }
}
