//! The limit on open files: each program, link and map of eBPF is one, and a snapshot opens some more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard one, which every process may do.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    // If a system call filter refuses, the limit remains as it is, and reaching it is reported.
    let _raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
