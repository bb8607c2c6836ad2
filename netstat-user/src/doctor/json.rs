//! The report as one JSON object. Unknown is null; fields may be added later, never renamed.

use serde::Serialize;

use super::{advice::advice, report::Report};
use crate::source::ebpf::{Attempt, Outcome};

#[derive(Serialize)]
struct Shape<'a> {
    /// The source that a trace would choose: `ebpf`; or `proc` or null, and then `error` says why not `ebpf`.
    source: Option<&'static str>,
    error: Option<&'a str>,
    kernel: &'a str,
    machine: &'a str,
    user: u32,
    capabilities: Vec<&'static str>,
    capabilities_missing: Vec<&'static str>,
    container: Option<&'a str>,
    /// Null if the kernel has no BTF.
    btf_bytes: Option<u64>,
    lockdown: Option<&'a str>,
    kptr_restrict: Option<i32>,
    perf_event_paranoid: Option<i32>,
    unprivileged_bpf_disabled: Option<i32>,
    /// Its mount point, if it can be read.
    tracefs: Option<&'static str>,
    /// Null if there is no limit.
    memlock_bytes: Option<u64>,
    /// Null if there is no limit.
    open_files: Option<u64>,
    /// Null if there is no limit.
    memory_limit_bytes: Option<u64>,
    /// Whether a trace can start its threads.
    threads: bool,
    probes: Vec<Probe<'a>>,
    missing: Vec<Missing<'a>>,
    advice: Vec<String>,
}

#[derive(Serialize)]
struct Probe<'a> {
    name: &'static str,
    kind: &'static str,
    /// `attached`, `loads` or `refused`.
    result: &'static str,
    why: Option<&'a str>,
}

#[derive(Serialize)]
struct Missing<'a> {
    what: &'a str,
    why: &'a str,
}

/// The report in one line.
///
/// # Errors
/// serde_json can't write a value: none of these types is one of those.
pub(super) fn write(report: &Report) -> serde_json::Result<String> {
    let host = &report.host;
    let probes = report.attempts.all().iter().map(|Attempt { name, kind, outcome }| {
        let (result, why) = match outcome {
            Outcome::Attached => ("attached", None),
            Outcome::Loads => ("loads", None),
            Outcome::Refused(why) => ("refused", Some(why.as_str())),
        };
        Probe { name, kind, result, why }
    });
    let missing = report.missing.as_deref().unwrap_or_default().iter();
    let shape = Shape {
        source: report.source(),
        error: report.error(),
        kernel: &host.kernel,
        machine: &host.machine,
        user: host.user,
        capabilities: host.capability_names(true),
        capabilities_missing: host.capability_names(false),
        container: host.container.as_deref(),
        btf_bytes: host.btf.as_ref().ok().copied(),
        lockdown: host.lockdown.as_deref(),
        kptr_restrict: host.kptr_restrict,
        perf_event_paranoid: host.perf_event_paranoid,
        unprivileged_bpf_disabled: host.unprivileged_bpf_disabled,
        tracefs: host.tracefs.as_ref().ok().copied(),
        memlock_bytes: host.memlock,
        open_files: host.open_files,
        memory_limit_bytes: host.memory_limit,
        threads: report.no_threads.is_none(),
        probes: probes.collect(),
        missing: missing.map(|missing| Missing { what: &missing.what, why: &missing.why }).collect(),
        advice: advice(report),
    };
    serde_json::to_string(&shape).map(|line| line + "\n")
}
