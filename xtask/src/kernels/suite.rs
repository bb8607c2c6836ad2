//! The behaviour suite in a guest: which test programs, with which minisocket hooks, and what they report.

use std::num::NonZero;

use serde_json::Value;

/// Where a guest has the product.
pub const BIN: &str = "/product";
/// Where a guest has the test programs.
pub const TESTS: &str = "/tests";
/// Modules that the tests' networks are made of.
pub const MODULES: [&str; 6] = ["veth", "tun", "inet_diag", "tcp_diag", "udp_diag", "unix_diag"];
/// Programs that the tests run. busybox's `ip` knows too little.
pub const PROGRAMS: [&str; 7] = ["ip", "ss", "netstat", "setpriv", "unshare", "setcap", "cp"];

/// The kinds of hooks for half-open connections and TIME_WAIT: values of `--life-hook`. The first one is tested on every
/// kernel, the other on the oldest: the whole suite runs with it on a host without fentry.
pub const MINISOCK_HOOKS: [&str; 2] = ["fentry", "timer"];
/// The test programs that run with each kind of minisocket hooks on the oldest kernel, and with the first one on the others.
const WITH_EACH_HOOK: [&str; 4] = ["connections", "endpoints", "lifecycle", "close_reasons_on_wire"];
/// The test programs that run once, with the hooks that the product chooses.
const ONCE: [&str; 6] = ["owners", "processes", "holders", "privileges", "kptr_restrict", "netstat_links"];
/// Those that run once, and only on the oldest and the newest kernel: what they test depends little on the kernel.
const ON_OLDEST_AND_NEWEST: [&str; 11] = [
    "doctor",
    "hosts",
    "streams",
    "clocks",
    "trace_exit",
    "proc",
    "netstat",
    "netstat_names",
    "netstat_routes",
    "netstat_sockets",
    "netstat_unix",
];
/// Those that run once, and only on the newest kernel: what they test is tested by another program as well, or depends
/// hardly on the kernel.
const ON_NEWEST: [&str; 2] = ["close_reasons", "names"];
/// The test programs that don't run in the guests, each with the reason.
#[cfg(test)]
const NOT_IN_GUESTS: [(&str, &str); 12] = [
    ("polling", "what /proc shows does not depend on the kernel"),
    ("filters", "what it tests does not depend on the kernel"),
    ("formats", "what it tests does not depend on the kernel"),
    ("usage", "what it tests does not depend on the kernel"),
    ("harness", "it tests the harness, which is the same on every kernel"),
    ("snapshot_failures", "an emulated processor starts its dozens of traces too slowly"),
    ("memory_limit", "what it tests does not depend on the kernel"),
    ("netstat_faults", "it traces hundreds of runs by strace, which is too slow there"),
    ("load", "an emulated processor makes 100,000 connections too slowly"),
    ("table", "an emulated processor makes 20,000 connections too slowly"),
    ("windows", "it compiles to nothing on Linux and runs under Wine"),
    ("windows_console", "it compiles to nothing on Linux and runs under Wine"),
];

/// How much of the suite is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All test programs.
    Whole,
    /// Those that run with each kind of minisocket hooks.
    WithEachHook,
}

impl Extent {
    /// What runs once; what does so on the oldest and the newest kernel only; and what on the newest only.
    fn once(self) -> [&'static [&'static str]; 3] {
        match self {
            Self::Whole => [&ONCE, &ON_OLDEST_AND_NEWEST, &ON_NEWEST],
            Self::WithEachHook => [&[], &[], &[]],
        }
    }

    /// All test programs.
    pub fn programs(self) -> impl Iterator<Item = &'static str> {
        WITH_EACH_HOOK.into_iter().chain(self.once().into_iter().flatten().copied())
    }
}

/// What a guest runs: it goes on after a failure, and ends with how many programs failed. A test that fails is run again
/// until it has had so many tries. `oldest` and `newest` are releases of the kernels.
pub fn script(extent: Extent, oldest: &str, newest: &str, filter: &str, tries: NonZero<usize>) -> String {
    let [once, on_oldest_and_newest, on_newest] = extent.once();
    let names = [
        ("OLDEST", oldest),
        ("NEWEST", newest),
        ("ON_OLDEST_AND_NEWEST", &*on_oldest_and_newest.join(" ")),
        ("ON_NEWEST", &on_newest.join(" ")),
        ("PRODUCT", BIN),
        ("TESTS", TESTS),
        ("MINISOCK_HOOKS", &MINISOCK_HOOKS.join(" ")),
        ("WITH_EACH_HOOK", &WITH_EACH_HOOK.join(" ")),
        ("ONCE", &once.join(" ")),
        ("FILTER", filter),
        ("TRIES", &tries.to_string()),
    ];
    let names: String = names.iter().map(|(name, value)| format!("{name}='{value}'\n")).collect();
    names + include_str!("suite.sh")
}

/// The `start` event of a trace with these hooks, as the guest reported it.
pub fn start(reports: &[String], hooks: &str) -> Option<Value> {
    let prefix = format!("start {hooks} ");
    reports.iter().find_map(|line| serde_json::from_str(line.strip_prefix(&prefix)?).ok())
}

/// The skipped tests, with their reasons.
pub fn skipped(reports: &[String]) -> Vec<&str> {
    reports.iter().filter_map(|line| line.strip_prefix("skipped ")).collect()
}

/// The test programs with failed tests that were run again, each with its hooks and those tests.
pub fn again(reports: &[String]) -> Vec<&str> {
    reports.iter().filter_map(|line| line.strip_prefix("again ")).collect()
}

/// The test programs that ran and the failed ones among them, each with its hooks, its seconds and its exit status.
pub fn outcomes(reports: &[String]) -> (Vec<&str>, Vec<&str>) {
    let all: Vec<&str> = reports.iter().filter_map(|line| line.strip_prefix("test ")).collect();
    let failed = all.iter().filter(|line| !line.ends_with(" 0")).copied().collect();
    (all, failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::targets;

    #[test]
    fn every_test_program_runs_in_the_guests_or_is_left_out_for_a_reason() {
        let targets = targets::of_workspace().into_iter().filter(|target| target.is_test);
        let mut declared: Vec<String> = targets.map(|target| target.name).collect();
        let left_out = NOT_IN_GUESTS.into_iter().map(|(name, _)| name);
        let mut listed: Vec<&str> = Extent::Whole.programs().chain(left_out).collect();
        declared.sort_unstable();
        listed.sort_unstable();
        assert_eq!(declared, listed, "the test targets of all Cargo.toml files, and the lists in this file");
    }

    #[test]
    fn a_guest_s_reports_are_understood() {
        let reports = [
            "ready",
            "start auto {\"hooks\":[]}",
            "start fentry ",
            "again lifecycle timer: a_test",
            "test lifecycle timer 12s 0",
            "test lifecycle fentry 9s 101",
        ];
        let reports = reports.map(str::to_owned).to_vec();
        assert!(start(&reports, "auto").is_some() && start(&reports, "fentry").is_none());
        assert_eq!(again(&reports), ["lifecycle timer: a_test"]);
        let both = vec!["lifecycle timer 12s 0", "lifecycle fentry 9s 101"];
        assert_eq!(outcomes(&reports), (both, vec!["lifecycle fentry 9s 101"]));
    }
}
