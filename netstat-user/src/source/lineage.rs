//! Whether the owner of a connection changes when another process closes it: depends on how the two are related.

use std::{path::PathBuf, sync::LazyLock};

use procfs::process::Process;
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use crate::readers::processes;

/// The most ancestors that are followed, more than a process has. A circle is possible if process ids are reused meanwhile.
const MAX_GENERATIONS: usize = 64;

/// Whether `known` remains the owner of a connection that `closer` closes; both are process ids.
///
/// A child has a copy of each of its parent's sockets until it calls execve(), and may be the last to close one: then the
/// parent remains the owner. Any other process has received the socket (SCM_RIGHTS), or its owner has ended: then that
/// process is the owner.
pub fn remains_owner(known: u32, closer: u32) -> bool {
    known == closer || (is_alive(known) && !is_unrelated(closer, known))
}

/// When a process was started, in clock ticks since the boot of the host; None if it has ended, 0 if that can't be told. Process
/// ids are those of the initial PID namespace, so in another one nothing can be told.
pub fn process_start(pid: u32) -> Option<u64> {
    static SEES_ALL: LazyLock<bool> = LazyLock::new(|| processes::in_initial_pid_namespace() == Some(true));
    if !*SEES_ALL {
        return Some(0);
    }
    if !is_alive(pid) {
        return None;
    }
    match processes::identity(&PathBuf::from(format!("/proc/{pid}"))) {
        // A zombie holds no socket.
        Ok(identity) if identity.has_exited => None,
        Ok(identity) => Some(identity.started),
        // /proc may hide the process.
        Err(_) => Some(0),
    }
}

/// Whether a process of this id exists, at least as a zombie.
fn is_alive(pid: u32) -> bool {
    // kill() with signal 0 works even where /proc is hidden. EPERM means that the process exists.
    let result = Pid::from_raw(pid.cast_signed()).map(test_kill_process);
    matches!(result, Some(Ok(()) | Err(Errno::PERM)))
}

/// Whether the process is certainly no descendant of `ancestor`. False if a process on the way has ended.
fn is_unrelated(pid: u32, ancestor: u32) -> bool {
    let mut pid = pid.cast_signed();
    for _ in 0..MAX_GENERATIONS {
        let Ok(stat) = Process::new(pid).and_then(|process| process.stat()) else { return false };
        if stat.ppid == ancestor.cast_signed() {
            return false;
        }
        // The parent of process 1 and of a kernel thread is not in this PID namespace.
        if stat.ppid == 0 || pid == 1 {
            return true;
        }
        pid = stat.ppid;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::process::{self, Command};

    use rustix::process::{WaitId, WaitIdOptions, waitid};

    use super::*;

    #[test]
    fn a_child_that_closes_does_not_replace_its_parent_but_an_unrelated_process_does() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut sibling = Command::new("sleep").arg("60").spawn().unwrap();
        let (own, first, second) = (process::id(), child.id(), sibling.id());
        let kept = [
            remains_owner(own, own),
            remains_owner(own, first),
            remains_owner(first, second),
            remains_owner(first, own),
        ];
        let started = process_start(first);
        child.kill().unwrap();
        wait_until_exited(first);
        let started_of_zombie = process_start(first);
        child.wait().unwrap();
        let started_at_the_end = process_start(first);
        let (kept_when_the_owner_has_ended, kept_when_the_closer_has_ended) =
            (remains_owner(first, second), remains_owner(own, first));
        sibling.kill().unwrap();
        sibling.wait().unwrap();
        assert_eq!(kept, [true, true, false, false]);
        assert!(
            started.is_some()
                && (started == Some(0) || (started_of_zombie, started_at_the_end) == (None, None))
        );
        assert!(!kept_when_the_owner_has_ended && kept_when_the_closer_has_ended);
    }
    /// Waits until the process is a zombie.
    fn wait_until_exited(pid: u32) {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_raw(pid.cast_signed()).unwrap()), options).unwrap();
    }
}
