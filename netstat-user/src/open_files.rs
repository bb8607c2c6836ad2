//! The limit on open files: each program, link and map of eBPF is one, and a snapshot opens some more.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A trace by eBPF has some 60 files open, and a snapshot opens some ten more.
pub const NEEDED: u64 = 80;

/// Raises the soft limit to the hard one, which every process may do.
pub fn raise() {
    let limit = getrlimit(Resource::Nofile);
    // If a system call filter refuses, the limit remains as it is, and reaching it is reported.
    let _raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// The limit; None if there is none.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// The limit, if it may be too low for a trace by eBPF.
pub fn too_low() -> Option<u64> {
    limit().filter(|limit| *limit < NEEDED)
}
