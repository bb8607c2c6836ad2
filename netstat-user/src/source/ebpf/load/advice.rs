//! What the user can do about a kernel that refuses every eBPF program.

use super::memlock;
use crate::privilege;

/// One sentence that ends an error.
pub fn advice() -> String {
    let missing = privilege::missing_for_ebpf(privilege::effective());
    if !missing.is_empty() {
        let missing = missing.join(" and ");
        return if rustix::process::geteuid().is_root() {
            format!("this root lacks {missing}: grant them (in a container: --cap-add BPF --cap-add PERFMON)")
        } else {
            "run it as root (sudo rnetstat-trace), or give it CAP_BPF and CAP_PERFMON \
             (setcap cap_bpf,cap_perfmon,cap_syslog+ep)"
                .to_owned()
        };
    }
    let memory = memlock::limit().map_or_else(String::new, |bytes| {
        format!(
            ", or before Linux 5.11 the limit on locked memory ({} KiB: ulimit -l unlimited)",
            bytes / 1024
        )
    });
    format!(
        "the capabilities suffice, so if this is not permitted, the cause is a seccomp filter, a security module or \
         lockdown{memory}; rnetstat-trace doctor says more"
    )
}
