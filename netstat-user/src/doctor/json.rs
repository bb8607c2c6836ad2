//! The report as one JSON object. Unknown is null; fields may be added later, never renamed.

use serde::Serialize;

use super::{Report, advice::advice};
use crate::source::ebpf::Outcome;

#[derive(Serialize)]
struct Shape<'a> {
    /// What a trace would take: `ebpf`; or `proc` or null, and `error` says why not `ebpf`.
    source: Option<&'static str>,
    error: Option<&'a str>,
    kernel: &'a str,
    machine: &'a str,
    user: u32,
    capabilities: Vec<&'static str>,
    capabilities_missing: Vec<&'static str>,
    container: Option<&'a str>,
    /// Null if there is none.
    btf_bytes: Option<u64>,
    lockdown: Option<&'a str>,
    kptr_restrict: Option<i32>,
    perf_event_paranoid: Option<i32>,
    unprivileged_bpf_disabled: Option<i32>,
    /// Where it is, if it can be read.
    tracefs: Option<&'static str>,
    /// Null is no limit.
    memlock_bytes: Option<u64>,
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
    what: &'static str,
    why: &'a str,
}

/// One line.
///
/// # Errors
/// There is none: everything in it has a form in JSON.
pub(super) fn write(report: &Report) -> serde_json::Result<String> {
    let host = &report.host;
    let probes = report.attempts.all().iter().map(|tried| {
        let (result, why) = match &tried.outcome {
            Outcome::Attached => ("attached", None),
            Outcome::Loads => ("loads", None),
            Outcome::Refused(why) => ("refused", Some(why.as_str())),
        };
        Probe { name: tried.name, kind: tried.kind, result, why }
    });
    let missing = report.missing.as_deref().unwrap_or_default().iter();
    let shape = Shape {
        source: report.source(),
        error: report.missing.as_ref().err().map(String::as_str),
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
        probes: probes.collect(),
        missing: missing.map(|missing| Missing { what: missing.what, why: &missing.why }).collect(),
        advice: advice(report),
    };
    serde_json::to_string(&shape).map(|line| line + "\n")
}
