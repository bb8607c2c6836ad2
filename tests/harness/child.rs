//! Child processes, for tests that need another process: to inherit a socket, to accept, or to exit with a socket
//! open.

use std::{
    env,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::Mutex,
};

use anyhow::{Context as _, Result, ensure};
use rustix::{
    io::retry_on_intr,
    process::{Pid, WaitOptions, waitpid},
};

/// This process's children. Each has a copy of every socket of this process until it calls exec(), and may be the
/// last to close one.
static TEST_PROCESSES: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Whether the pid is this process or one of its children.
pub fn is_test_process(pid: u32) -> bool {
    let processes = TEST_PROCESSES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    pid == std::process::id() || processes.contains(&pid)
}

/// Registers a child that was not started by [`run`] or [`output`].
pub fn register(pid: u32) {
    TEST_PROCESSES.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(pid);
}

/// The file of a program. A shell may have a command of its own by that name.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").context("no PATH")?;
    let mut files = env::split_paths(&path).map(|directory| directory.join(name));
    files.find(|file| file.is_file()).with_context(|| format!("{name} is not in PATH"))
}

/// Runs another program to its end.
pub fn output(command: &mut Command) -> Result<Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    register(child.id());
    Ok(child.wait_with_output()?)
}

/// Forks, runs `work` in the child and waits for its end, when the kernel closes its sockets.
///
/// `work` may only make system calls: locks of the other threads stay locked for ever in the child.
pub fn run(work: impl FnOnce() -> bool) -> Result<()> {
    Child::start(work)?.wait()
}

/// Registers a child that fork() has made.
pub(crate) fn started(pid: libc::pid_t) -> Result<Child> {
    register(pid.cast_unsigned());
    Ok(Child(Pid::from_raw(pid).context("fork gave no pid")?))
}

/// A running child.
#[derive(Debug)]
pub struct Child(Pid);

impl Child {
    /// Forks and runs `work` in the child. The restriction of [`run`] applies.
    pub fn start(work: impl FnOnce() -> bool) -> Result<Self> {
        // SAFETY: the child makes only system calls until _exit, as the documentation requires of `work`.
        let pid = unsafe { libc::fork() };
        ensure!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
        if pid == 0 {
            let status = i32::from(!work());
            // SAFETY: _exit ends the process without running destructors or exit handlers.
            unsafe { libc::_exit(status) };
        }
        started(pid)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.as_raw_nonzero().get().cast_unsigned()
    }

    /// Waits for its end. An error if `work` returned false.
    pub fn wait(self) -> Result<()> {
        let outcome = retry_on_intr(|| waitpid(Some(self.0), WaitOptions::empty()))?;
        ensure!(outcome.is_some_and(|(_, status)| status.exit_status() == Some(0)), "the child failed");
        Ok(())
    }
}
