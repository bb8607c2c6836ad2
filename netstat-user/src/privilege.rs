//! Capabilities (capabilities(7)): which ones the calling thread has, and how it gives up those that it no longer needs.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};

/// The capabilities that this program can use, with their names.
pub const USEFUL: [(CapabilitySet, &str); 8] = [
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN"),
    (CapabilitySet::SYSLOG, "CAP_SYSLOG"),
    (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE"),
    (CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"),
    (CapabilitySet::SYS_NICE, "CAP_SYS_NICE"),
    (CapabilitySet::SYS_RESOURCE, "CAP_SYS_RESOURCE"),
];

/// The effective capabilities of the calling thread; none if capget(2) fails.
pub fn effective() -> CapabilitySet {
    capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
}

/// The names of the capabilities that eBPF needs and `effective` lacks. CAP_SYS_ADMIN implies both (`bpf_capable` and
/// `perfmon_capable`, include/linux/capability.h, 5.8).
pub fn missing_for_ebpf(effective: CapabilitySet) -> Vec<&'static str> {
    if effective.contains(CapabilitySet::SYS_ADMIN) {
        return Vec::new();
    }
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON;
    let missing = USEFUL.iter().filter(|(one, _)| (needed - effective).contains(*one));
    missing.map(|(_, name)| *name).collect()
}

/// Gives up all capabilities but `kept`, for the calling thread and the threads that it starts later. Neither they nor
/// a program that they run can get one back.
///
/// # Errors
/// capset(2) or prctl(2) fails, which only a system call filter causes here.
pub fn keep_only(kept: CapabilitySet) -> io::Result<()> {
    let sets = capabilities(None)?;
    let sets = CapabilitySets {
        effective: sets.effective & kept,
        permitted: sets.permitted & kept,
        inheritable: CapabilitySet::empty(),
    };
    set_no_new_privs(true)?;
    Ok(set_capabilities(None, sets)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capabilities_that_ebpf_lacks_are_named() {
        assert_eq!(missing_for_ebpf(CapabilitySet::empty()), ["CAP_BPF", "CAP_PERFMON"]);
        assert_eq!(missing_for_ebpf(CapabilitySet::PERFMON), ["CAP_BPF"]);
        assert!(missing_for_ebpf(CapabilitySet::BPF | CapabilitySet::PERFMON).is_empty());
        assert!(missing_for_ebpf(CapabilitySet::SYS_ADMIN).is_empty());
    }

    #[test]
    fn a_thread_and_the_threads_it_starts_lose_the_capabilities_and_others_keep_them() {
        let before = effective();
        std::thread::spawn(|| {
            keep_only(CapabilitySet::SYS_NICE).unwrap();
            assert!((effective() - CapabilitySet::SYS_NICE).is_empty());
            std::thread::spawn(|| assert!((effective() - CapabilitySet::SYS_NICE).is_empty()))
                .join()
                .unwrap();
        })
        .join()
        .unwrap();
        assert_eq!(effective(), before);
    }
}
