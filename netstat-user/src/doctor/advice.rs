//! What the user can do about what can't be seen, with a command where there is one.

use rustix::thread::CapabilitySet;

use super::report::Report;
use crate::{
    default_sizes, open_files, privilege,
    source::ebpf::{self, HookSet, Outcome, Remedy},
};

/// What helps on this host, the most important first.
pub(super) fn advice(report: &Report) -> Vec<String> {
    let Report { host, .. } = report;
    let mut advice = Vec::new();
    if report.no_threads.is_some() {
        advice.push(
            "Raise the limit of threads: pids.max of its cgroup (in a container: --pids-limit), or ulimit -u."
                .to_owned(),
        );
    }
    if host.open_files.is_some_and(|limit| limit < open_files::NEEDED) {
        advice.push(format!("Raise the limit of open files: ulimit -n {}", open_files::NEEDED));
    }
    let is_limited = lacks_memory(report);
    if is_limited {
        advice.push("Raise the memory limit of its cgroup (in a container: --memory).".to_owned());
    }
    if !privilege::missing_for_ebpf(host.capabilities).is_empty() {
        advice.push(if host.user == 0 {
            "Grant this root user the missing capabilities; in a container: --cap-add BPF --cap-add PERFMON."
                .to_owned()
        } else {
            "Run it as root: sudo rnetstat-trace. Or let every user trace: \
             sudo setcap cap_bpf,cap_perfmon,cap_syslog+ep \"$(command -v rnetstat-trace)\""
                .to_owned()
        });
    } else if report.missing.is_err() && host.btf.is_ok() && !is_limited {
        advice.push(forbidden(report));
    }
    if host.btf.is_err() {
        advice.push(
            "Use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of all major distributions are. In a \
             container, make /sys/kernel/btf visible."
                .to_owned(),
        );
        if host.tracefs.is_err() {
            advice.push(
                "Without BTF, tracefs is needed: mount -t tracefs tracefs /sys/kernel/tracing".to_owned(),
            );
        }
    } else {
        advice.extend(remedies(report));
    }
    if report.missing.is_ok() && !host.capabilities.contains(CapabilitySet::SYS_ADMIN) {
        advice.push(
            "Add CAP_SYS_ADMIN and CAP_SYS_PTRACE, or run it as root, to see connections from before the start in \
             other network namespaces."
                .to_owned(),
        );
    }
    if host.container.is_some() && !ebpf::in_initial_pid_namespace() {
        advice.push(
            "Run the container in the host's PID namespace (--pid=host), to find the owners of all sockets."
                .to_owned(),
        );
    }
    advice
}

/// Whether a start would take more memory than this process may use.
fn lacks_memory(Report { host, .. }: &Report) -> bool {
    let (limit, btf_bytes) = (host.memory_limit, *host.btf.as_ref().unwrap_or(&0));
    default_sizes::lacking_for_ebpf(limit, btf_bytes, default_sizes::ring_bytes(limit)).is_some()
}

/// What to do for each missing fact, by the table of hooks.
fn remedies(report: &Report) -> Vec<String> {
    let mut facts: Vec<(Remedy, Vec<&str>)> = Vec::new();
    for missing in report.missing.iter().flatten() {
        let sets =
            ebpf::sets().filter(|set| set.facts.contains(&&*missing.what) && !is_attached(report, set));
        // The last set has the least demanding remedy.
        let Some(set) = sets.last() else { continue };
        match facts.iter_mut().find(|(remedy, _)| *remedy == set.remedy) {
            Some((_, facts)) => facts.push(&missing.what),
            None => facts.push((set.remedy, vec![&missing.what])),
        }
    }
    let remedies = facts.into_iter().map(|(remedy, facts)| {
        let what = match remedy {
            Remedy::KernelAddresses if report.host.kptr_restrict == Some(2) => {
                "let root see kernel addresses: sysctl kernel.kptr_restrict=1".to_owned()
            }
            Remedy::KernelAddresses => "add CAP_SYSLOG".to_owned(),
            Remedy::Privileges | Remedy::Tracefs => "run it as root".to_owned(),
            Remedy::Kernel(kernel) => format!("use {kernel}"),
        };
        format!("To see {}: {what}.", facts.join("; "))
    });
    remedies.collect()
}

fn is_attached(report: &Report, set: &HookSet) -> bool {
    let attached = |name: &str| {
        let mut attempts = report.attempts.all().iter();
        attempts.any(|attempt| attempt.name == name && attempt.outcome == Outcome::Attached)
    };
    set.hooks.iter().any(|hook| attached(hook.name()))
}

/// The capabilities suffice, and the kernel refuses nevertheless.
fn forbidden(report: &Report) -> String {
    let host = &report.host;
    if host.lockdown.as_deref() == Some("confidentiality") {
        return "Kernel lockdown forbids programs to read kernel memory: boot with lockdown=integrity."
            .to_owned();
    }
    let limit = host.memlock.map(|bytes| {
        format!(
            " Before Linux 5.11 the limit on locked memory ({} KiB) may be too small: ulimit -l unlimited.",
            bytes / 1024
        )
    });
    format!(
        "Look for a seccomp filter or a security module that forbids bpf(2). In a container, \
         --security-opt seccomp=unconfined lifts the filter.{}",
        limit.unwrap_or_default()
    )
}
