//! A child process whose main thread has exited, while another thread goes on.

use anyhow::{Result, ensure};

use crate::child::{self, Child};

/// Enough for system calls.
const STACK_BYTES: usize = 256 << 10;
/// Another thread of the same process.
const THREAD: libc::c_int = libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SYSVSEM;

/// Forks, starts a thread that runs `work` in the child, and lets the child's main thread exit. The restriction of
/// [`child::run`] applies to `work`.
pub fn start_without_main_thread<Work: FnOnce() -> bool>(work: Work) -> Result<Child> {
    let mut stack = vec![0_u8; STACK_BYTES];
    let mut work = Some(work);
    let argument: *mut Option<Work> = &raw mut work;
    // SAFETY: the child makes only system calls until _exit, as the documentation requires of `work`.
    let pid = unsafe { libc::fork() };
    ensure!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: the end of a stack that grows down and is not used otherwise, aligned to 16 bytes; it and `work` stay in
        // the child's memory, because its main thread never returns.
        unsafe {
            let top = stack.as_mut_ptr().add(STACK_BYTES);
            let top = top.sub(top.addr() % 16);
            if libc::clone(run::<Work>, top.cast(), THREAD, argument.cast()) < 0 {
                libc::_exit(1);
            }
            // exit(2), unlike exit_group(2), ends only this thread.
            libc::syscall(libc::SYS_exit, 0);
            unreachable!("exit(2) returned");
        }
    }
    child::started(pid)
}

extern "C" fn run<Work: FnOnce() -> bool>(work: *mut libc::c_void) -> libc::c_int {
    // SAFETY: `start_without_main_thread` passes an `Option<Work>`, and nothing else uses it in this process.
    let work = unsafe { (*work.cast::<Option<Work>>()).take() };
    let status = i32::from(!work.is_some_and(|work| work()));
    // SAFETY: _exit ends the process without running destructors or exit handlers.
    unsafe { libc::_exit(status) }
}
