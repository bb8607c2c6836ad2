//! What the looks can't reach.

use rustix::thread::CapabilitySet;

use crate::{
    model::Missing,
    privilege,
    readers::{namespaces, processes},
};

/// What looks by this process will not find.
pub fn out_of_reach() -> Vec<Missing> {
    let mut missing = Vec::new();
    if namespaces::own().and_then(|own| namespaces::enter(&own)).is_err() {
        missing.push(Missing {
            what: "connections from before the start in other network namespaces",
            why: "entering them takes CAP_SYS_ADMIN".to_owned(),
        });
    } else if !privilege::effective().contains(CapabilitySet::SYS_PTRACE) {
        missing.push(Missing {
            what: "connections from before the start in network namespaces of other users",
            why: "finding them takes CAP_SYS_PTRACE".to_owned(),
        });
    }
    if !in_first_pid_namespace() {
        missing.push(Missing {
            what: "owners outside of this PID namespace by a scan; pids are the host's",
            why: "this is a container: run it with the host's PID namespace (--pid=host)".to_owned(),
        });
    }
    missing
}

/// Whether this process is in the host's PID namespace; yes if /proc doesn't tell.
pub fn in_first_pid_namespace() -> bool {
    processes::in_initial_pid_namespace().unwrap_or(true)
}
