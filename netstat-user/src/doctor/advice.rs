//! What to do about what can't be seen: each piece of advice with a command where there is one.

use rustix::thread::CapabilitySet;

use super::Report;
use crate::{privilege, source::ebpf::Outcome};

/// What helps here, the most important first.
pub(super) fn advice(report: &Report) -> Vec<String> {
    let Report { host, .. } = report;
    let lacks = |capability| !host.capabilities.contains(capability);
    let mut advice = Vec::new();
    if !privilege::missing_for_ebpf(host.capabilities).is_empty() {
        advice.push(if host.user == 0 {
            "Give this root what it lacks; to a container by --cap-add BPF --cap-add PERFMON.".to_owned()
        } else {
            "Run it as root: sudo rnetstat-trace. Or let every user trace: \
             sudo setcap cap_bpf,cap_perfmon,cap_syslog+ep \"$(command -v rnetstat-trace)\""
                .to_owned()
        });
    } else if report.missing.is_err() && host.btf.is_ok() {
        advice.push(forbidden(report));
    }
    if host.btf.is_err() {
        advice.push(
            "Use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as all great distributions have it; in a container, \
             let it see /sys/kernel/btf."
                .to_owned(),
        );
        if host.tracefs.is_err() {
            advice.push(
                "Without BTF it reads tracefs: mount -t tracefs tracefs /sys/kernel/tracing".to_owned(),
            );
        }
    }
    let sees_by_functions = report.is_attached("fentry");
    if report.missing.is_ok()
        && host.btf.is_ok()
        && !sees_by_functions
        && !report.is_attached_by_name("timer_start")
    {
        advice.push(if host.kptr_restrict == Some(2) {
            "Let root see addresses, for TIME_WAIT and half-open connections: sysctl kernel.kptr_restrict=1"
                .to_owned()
        } else {
            "Add CAP_SYSLOG, for TIME_WAIT and half-open connections.".to_owned()
        });
    }
    if report.missing.is_ok() && lacks(CapabilitySet::SYS_ADMIN) {
        advice.push(
            "Add CAP_SYS_ADMIN and CAP_SYS_PTRACE, or run it as root, for what was there before the start in \
             other network namespaces."
                .to_owned(),
        );
    }
    if host.container.is_some() && !crate::source::ebpf::in_initial_pid_namespace() {
        advice
            .push("Run the container with the host's PID namespace (--pid=host), for all owners.".to_owned());
    }
    advice
}

/// The capabilities are there, and the kernel says no.
fn forbidden(report: &Report) -> String {
    let host = &report.host;
    if host.lockdown.as_deref() == Some("confidentiality") {
        return "Lockdown forbids programs to read kernel memory: boot with lockdown=integrity.".to_owned();
    }
    let limit = host.memlock.map(|bytes| {
        format!(
            " Before Linux 5.11 the limit on locked memory ({} KiB) may be too small: ulimit -l unlimited.",
            bytes / 1024
        )
    });
    format!(
        "Look for a seccomp filter or a security module that forbids bpf(); a container's goes by \
         --security-opt seccomp=unconfined.{}",
        limit.unwrap_or_default()
    )
}

impl Report {
    fn is_attached(&self, kind: &str) -> bool {
        let mut all = self.attempts.all().iter();
        all.any(|tried| tried.kind == kind && tried.outcome == Outcome::Attached)
    }

    fn is_attached_by_name(&self, name: &str) -> bool {
        let mut all = self.attempts.all().iter();
        all.any(|tried| tried.name == name && tried.outcome == Outcome::Attached)
    }
}
