//! What snapshots can't reach with the privileges of this process.

use rustix::thread::CapabilitySet;

use crate::{
    model::Missing,
    privilege,
    readers::{namespaces, processes},
};

/// What snapshots by this process will not find.
pub fn out_of_reach() -> Vec<Missing> {
    let mut missing = Vec::new();
    if !can_enter_namespaces() {
        missing.push(Missing {
            what: "connections from before the start in other network namespaces".into(),
            why: "entering them takes CAP_SYS_ADMIN".to_owned(),
        });
    } else if !can_inspect_processes() {
        missing.push(Missing {
            what: "connections from before the start in network namespaces of other users".into(),
            why: "finding them takes CAP_SYS_PTRACE".to_owned(),
        });
    }
    if !in_initial_pid_namespace() {
        missing.push(Missing {
            what: "owners outside of this PID namespace by a scan; pids are the host's".into(),
            why: "this is a container: run it with the host's PID namespace (--pid=host)".to_owned(),
        });
    }
    missing
}

/// Whether this process has all capabilities to find and enter network namespaces.
pub fn is_unlimited() -> bool {
    can_enter_namespaces() && can_inspect_processes()
}

/// Whether this process is in the host's PID namespace; true if /proc doesn't show it.
pub fn in_initial_pid_namespace() -> bool {
    processes::in_initial_pid_namespace().unwrap_or(true)
}

fn can_enter_namespaces() -> bool {
    namespaces::own().and_then(|own| namespaces::enter(&own)).is_ok()
}

fn can_inspect_processes() -> bool {
    privilege::effective().contains(CapabilitySet::SYS_PTRACE)
}
