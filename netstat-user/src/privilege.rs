//! Capabilities (capabilities(7)): what the calling thread may do, and giving up what it needs no more.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities, set_no_new_privs};

/// The capabilities that this program has a use for, by the names that setcap(8) and Docker give them.
pub const OF_USE: [(CapabilitySet, &str); 8] = [
    (CapabilitySet::BPF, "CAP_BPF"),
    (CapabilitySet::PERFMON, "CAP_PERFMON"),
    (CapabilitySet::SYS_ADMIN, "CAP_SYS_ADMIN"),
    (CapabilitySet::SYSLOG, "CAP_SYSLOG"),
    (CapabilitySet::SYS_PTRACE, "CAP_SYS_PTRACE"),
    (CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"),
    (CapabilitySet::SYS_NICE, "CAP_SYS_NICE"),
    (CapabilitySet::SYS_RESOURCE, "CAP_SYS_RESOURCE"),
];

/// What the calling thread may do now; nothing if the kernel doesn't tell.
pub fn effective() -> CapabilitySet {
    capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
}

/// The names of what is missing for eBPF. CAP_SYS_ADMIN stands for both, as before Linux 5.8.
pub fn missing_for_ebpf(effective: CapabilitySet) -> Vec<&'static str> {
    if effective.contains(CapabilitySet::SYS_ADMIN) {
        return Vec::new();
    }
    let needed = CapabilitySet::BPF | CapabilitySet::PERFMON;
    let missing = OF_USE.iter().filter(|(one, _)| (needed - effective).contains(*one));
    missing.map(|(_, name)| *name).collect()
}

/// Gives up, for good, all that is not in `kept`: for the calling thread and those that it starts later. No
/// program that they might run gets it back either.
///
/// # Errors
/// The kernel doesn't let us change our own capabilities, which only a system call filter can forbid.
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
    fn what_ebpf_lacks_is_named() {
        assert_eq!(missing_for_ebpf(CapabilitySet::empty()), ["CAP_BPF", "CAP_PERFMON"]);
        assert_eq!(missing_for_ebpf(CapabilitySet::PERFMON), ["CAP_BPF"]);
        assert!(missing_for_ebpf(CapabilitySet::BPF | CapabilitySet::PERFMON).is_empty());
        assert!(missing_for_ebpf(CapabilitySet::SYS_ADMIN).is_empty());
    }

    #[test]
    fn what_is_given_up_is_gone_for_this_thread_and_its_children_only() {
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
