//! What the looks can't reach.

use std::fs;

use rustix::thread::CapabilitySet;

use crate::source::namespaces;
use crate::{model::Missing, privilege};

/// `PROC_PID_INIT_INO` (include/linux/proc_ns.h): the inode number of the first PID namespace on every kernel.
const FIRST_PID_NAMESPACE: &str = "pid:[4026531836]";

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
    fs::read_link("/proc/self/ns/pid").map_or(true, |own| own.as_os_str() == FIRST_PID_NAMESPACE)
}
