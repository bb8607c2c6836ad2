//! Why this process can't see all processes, or not all of their files: then not every socket's owner can be found.

use std::{fs, os::unix::ffi::OsStrExt as _, path::Path};

use rustix::{
    io::Errno,
    thread::{CapabilitySet, capabilities},
};

use super::{mounts, processes};

/// A reason, and what the user can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The proc file system lists only the processes of one PID namespace, which is not the host's.
    PidNamespace,
    /// The proc file system hides other users' processes (mount option `hidepid`).
    Hidepid,
    /// The processes, or the files of some, can't be read for another reason: mostly a resource that has run out.
    Failed(Errno),
    /// This many processes were listed, but their files could not be read.
    Denied(usize),
}

impl Limit {
    /// A clause for the user.
    pub fn explain(self) -> String {
        match self {
            Self::PidNamespace => {
                "the processes outside of this PID namespace are invisible here (run it in the \
                                   host's, for a container --pid=host)"
                    .to_owned()
            }
            Self::Hidepid => {
                format!("/proc hides other users' processes (mount option hidepid; {})", run_as_root())
            }
            Self::Failed(errno) => format!("/proc can't be read: {errno}"),
            Self::Denied(count) => {
                let processes = if count == 1 { "process" } else { "processes" };
                format!("the files of {count} {processes} can't be read ({})", run_as_root())
            }
        }
    }
}

/// What can't be seen, and why, in one line for the user; None without a reason.
pub fn explain(what: &str, limits: &[Limit]) -> Option<String> {
    let reasons: Vec<String> = limits.iter().map(|limit| limit.explain()).collect();
    (!reasons.is_empty()).then(|| format!("{what}: {}", reasons.join("; ")))
}

/// Why not all processes of the host are listed below `proc_root`.
pub fn limits_of(proc_root: &Path) -> Vec<Limit> {
    let mut limits = Vec::new();
    if processes::lists_all(proc_root) == Some(false) {
        limits.push(Limit::PidNamespace);
    }
    if hides_processes(proc_root) {
        limits.push(Limit::Hidepid);
    }
    limits
}

fn run_as_root() -> &'static str {
    if processes::in_initial_user_namespace() == Some(false) {
        "run it as root outside of this user namespace"
    } else if may_inspect_all() {
        "the kernel refuses it to root too"
    } else if rustix::process::geteuid().is_root() {
        "it needs CAP_SYS_PTRACE"
    } else {
        "run it as root"
    }
}

/// Whether the proc file system doesn't list processes that this process may not inspect.
fn hides_processes(proc_root: &Path) -> bool {
    // Each PID namespace has a process 1 as long as it exists.
    let lists_first = proc_root.join("1").exists();
    let lists_own = proc_root.join("self").exists();
    (lists_own && !lists_first) || (has_hidepid(proc_root) && !may_inspect_all())
}

fn may_inspect_all() -> bool {
    let effective = capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective);
    effective.contains(CapabilitySet::SYS_PTRACE) && processes::in_initial_user_namespace() == Some(true)
}

/// Whether `proc_root` is mounted so that it lists only some processes (`proc_fs_parameters`, fs/proc/root.c: numbers up
/// to 5.7, names since then). With `hidepid=1` it lists all, and their files can't be read.
fn has_hidepid(proc_root: &Path) -> bool {
    let Ok(mountinfo) = fs::read("/proc/thread-self/mountinfo") else { return false };
    let root = fs::canonicalize(proc_root).unwrap_or_else(|_| proc_root.to_owned());
    let options = mounts::parse(&mountinfo)
        .filter(|mount| mount.mount_point.as_os_str().as_bytes() == root.as_os_str().as_bytes())
        .last()
        .map(|mount| mount.super_options.to_vec())
        .unwrap_or_default();
    let hidepid = options.split(|byte| *byte == b',').find_map(|option| option.strip_prefix(b"hidepid="));
    matches!(hidepid, Some(b"2" | b"4" | b"invisible" | b"ptraceable"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reasons_are_in_one_line() {
        assert_eq!(explain("owners", &[]), None);
        let line = explain("owners", &[Limit::PidNamespace, Limit::Hidepid, Limit::Denied(990)]).unwrap();
        assert!(line.contains("PID namespace") && line.contains("hidepid") && line.contains("990"), "{line}");
        assert!(!line.contains('\n'), "{line}");
        assert!(
            line.starts_with("owners: ") && Limit::Denied(1).explain().contains("1 process can't"),
            "{line}"
        );
    }

    #[test]
    fn a_directory_without_processes_hides_none() {
        assert_eq!(limits_of(Path::new("/nonexistent")), []);
    }
}
