//! Processes and their ancestors: who is to be named when another process closes a connection than was known to
//! own it.

use procfs::process::Process;
use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

/// How many generations are followed, more than processes have: only ids that change owners meanwhile make a circle.
const GENERATIONS: usize = 64;

/// Whether the process that was known to own a connection, and not the one that closes it now, is to be named.
///
/// A child has a copy of each of its parent's sockets until it has gone through exec(), and may be the last to close
/// it. Any other process can only have been sent it (SCM_RIGHTS), or was left it by an owner that is gone.
pub fn keeps(known: u32, closer: u32) -> bool {
    known == closer || (is_alive(known) && !is_stranger(closer, known))
}

/// Whether a process of this id exists, its main thread at least as a zombie.
fn is_alive(pid: u32) -> bool {
    // A signal that is none asks the same whatever hides /proc; that it isn't allowed means yes.
    let asked = Pid::from_raw(pid.cast_signed()).map(test_kill_process);
    matches!(asked, Some(Ok(()) | Err(Errno::PERM)))
}

/// Whether the process is certainly no descendant of the other; of one that has exited nothing is certain.
fn is_stranger(pid: u32, ancestor: u32) -> bool {
    let mut pid = pid.cast_signed();
    for _ in 0..GENERATIONS {
        let Ok(stat) = Process::new(pid).and_then(|process| process.stat()) else { return false };
        if stat.ppid == ancestor.cast_signed() {
            return false;
        }
        // The first process, and a kernel thread, has no parent that is seen here.
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

    use super::*;

    #[test]
    fn a_child_that_closes_does_not_displace_its_parent_but_a_stranger_does() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let mut sibling = Command::new("sleep").arg("60").spawn().unwrap();
        let (own, first, second) = (process::id(), child.id(), sibling.id());
        let kept = [keeps(own, own), keeps(own, first), keeps(first, second), keeps(first, own)];
        child.kill().unwrap();
        child.wait().unwrap();
        let (left_by_the_dead, closed_by_the_dead) = (keeps(first, second), keeps(own, first));
        sibling.kill().unwrap();
        sibling.wait().unwrap();
        assert_eq!(kept, [true, true, false, false]);
        assert!(!left_by_the_dead && closed_by_the_dead);
    }
}
