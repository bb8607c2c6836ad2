//! Time namespaces: processes to which CLOCK_MONOTONIC and CLOCK_BOOTTIME are shifted.

use std::{os::unix::process::CommandExt as _, path::Path, process::Command, thread};

use anyhow::{Context as _, Result, anyhow};
use rustix::{
    fs::{Mode, OFlags, open},
    io::write,
    thread::{UnshareFlags, gettid, unshare_unsafe},
};

/// Whether the kernel has time namespaces (CONFIG_TIME_NS).
pub fn are_available() -> bool {
    Path::new("/proc/self/ns/time").exists()
}

/// Whether a process may start a thread after it has unshared its time namespace. Before 6.3 it may not, nor may the program
/// that it executes (`copy_process`, kernel/fork.c).
pub fn may_start_threads() -> bool {
    let in_thread = || {
        // SAFETY: CLONE_NEWTIME changes only the namespace of this thread's future children.
        let is_unshared = unsafe { unshare_unsafe(UnshareFlags::NEWTIME) }.is_ok();
        is_unshared && thread::Builder::new().spawn(|| ()).is_ok_and(|thread| thread.join().is_ok())
    };
    thread::scope(|scope| scope.spawn(in_thread).join().unwrap_or(false))
}

/// Runs `work` on a thread whose children are in a new time namespace with these lines in `timens_offsets`, as
/// `unshare --time --fork` does. A [`Command`] needs a `pre_exec`: otherwise the child may be created as by vfork(2), and
/// stays in the old namespace on kernels before 6.3.
pub fn for_children<T: Send>(offsets: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let in_thread = || {
        // SAFETY: CLONE_NEWTIME changes only the namespace of this thread's future children.
        unsafe { unshare_unsafe(UnshareFlags::NEWTIME) }.context("unshare(CLONE_NEWTIME)")?;
        let path = format!("/proc/{}/timens_offsets", gettid().as_raw_nonzero());
        std::fs::write(&path, offsets).with_context(|| format!("writing {offsets:?} to {path}"))?;
        work()
    };
    thread::scope(|scope| scope.spawn(in_thread).join().map_err(|_| anyhow!("the thread panicked"))?)
}

/// Makes the command's process a child of fork(2).
pub fn forked(command: &mut Command) -> &mut Command {
    // SAFETY: the closure does nothing.
    unsafe { command.pre_exec(|| Ok(())) }
}

/// Makes the command's process unshare its time namespace before exec, as `unshare --time` without `--fork` does: the
/// new program enters it on kernels from 6.3 on.
pub fn unshared_before_exec(command: &mut Command, offsets: &'static str) {
    let before_exec = move || {
        // SAFETY: the new process has one thread, and no memory safety depends on its time namespace.
        unsafe { unshare_unsafe(UnshareFlags::NEWTIME) }?;
        let file = open(c"/proc/self/timens_offsets", OFlags::WRONLY, Mode::empty())?;
        write(&file, offsets.as_bytes())?;
        Ok(())
    };
    // SAFETY: the closure makes only system calls, as required between fork and exec.
    unsafe { command.pre_exec(before_exec) };
}
