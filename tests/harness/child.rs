//! A process of its own for what only a process can do: inherit a socket, accept in its stead, die holding it.

use std::{
    process::{Command, Output, Stdio},
    sync::Mutex,
};

use anyhow::{Context as _, Result, ensure};
use rustix::{
    io::retry_on_intr,
    process::{Pid, WaitOptions, waitpid},
};

/// Every process that a test made. One that goes on to run another program has a copy of each socket of this process
/// until exec(), and may be the last to close it.
static TEST_PROCESSES: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Whether the pid is this process or one that it made.
pub fn is_test_process(pid: u32) -> bool {
    let processes = TEST_PROCESSES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    pid == std::process::id() || processes.contains(&pid)
}

/// Notes a process that was made otherwise than by [`run`] or [`output`].
pub fn register(pid: u32) {
    TEST_PROCESSES.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(pid);
}

/// Runs another program to its end.
pub fn output(command: &mut Command) -> Result<Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    register(child.id());
    Ok(child.wait_with_output()?)
}

/// Forks, runs `work` in the child, and waits for the child's end, at which the kernel closes what it holds.
///
/// `work` may only make system calls: the other threads' locks are held for ever in the child.
pub fn run(work: impl FnOnce() -> bool) -> Result<()> {
    Child::start(work)?.wait()
}

/// A running child.
#[derive(Debug)]
pub struct Child(Pid);

impl Child {
    /// Forks and runs `work` in the child, of which the same is true as in [`run`].
    pub fn start(work: impl FnOnce() -> bool) -> Result<Self> {
        // SAFETY: the child only makes system calls until _exit, as the documentation demands of `work`.
        let pid = unsafe { libc::fork() };
        ensure!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
        if pid == 0 {
            let status = i32::from(!work());
            // SAFETY: _exit ends the process without running anything of ours.
            unsafe { libc::_exit(status) };
        }
        register(pid.cast_unsigned());
        Ok(Self(Pid::from_raw(pid).context("fork gave no pid")?))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.as_raw_nonzero().get().cast_unsigned()
    }

    /// Waits for its end; an error if `work` failed.
    pub fn wait(self) -> Result<()> {
        let outcome = retry_on_intr(|| waitpid(Some(self.0), WaitOptions::empty()))?;
        ensure!(outcome.is_some_and(|(_, status)| status.exit_status() == Some(0)), "the child failed");
        Ok(())
    }
}
