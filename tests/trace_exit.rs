//! Every way to end a trace is clean, and leaves nothing in the kernel.

#![cfg(target_os = "linux")]

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Command, Output, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    bpf_objects::{self, Kind},
    output::Destination,
    scenario::TestNet,
    seccomp, skip,
    state_path::wait_for_rows,
    trace::is_one_error,
    tracer::{Tracer, command},
    wait,
};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};

#[test]
fn sigint_ends_the_trace_with_a_summary() -> Result<()> {
    ends_cleanly_on(Signal::INT)
}

#[test]
fn sigterm_ends_the_trace_with_a_summary() -> Result<()> {
    ends_cleanly_on(Signal::TERM)
}

#[test]
fn sighup_ends_the_trace_with_a_summary() -> Result<()> {
    ends_cleanly_on(Signal::HUP)
}

#[test]
fn a_sighup_that_is_ignored_at_the_start_stays_ignored() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = start(&net, libc::SIG_IGN)?;
    tracer.signal(Signal::HUP)?;
    net.netns.run(|| net.pair()?.client_closes())?;
    wait_for_rows(&tracer, &net, 12)?;
    let trace = tracer.stop()?;
    ensure!(trace.summary()?.seen == 12, "{}", trace.stderr);
    Ok(())
}

/// Starts a trace of the network's addresses with this disposition of SIGHUP, as nohup(1) does; that of the tests is not
/// known.
fn start(net: &TestNet, hangup: libc::sighandler_t) -> Result<Tracer> {
    let mut command = command(&["--json", "--addr", &net.addresses.server().ip().to_string()])?;
    // SAFETY: it makes one system call, which is allowed between fork and exec, and SIG_DFL and SIG_IGN need no handler.
    unsafe {
        command.pre_exec(move || match libc::signal(libc::SIGHUP, hangup) {
            libc::SIG_ERR => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        })
    };
    Tracer::spawn(&mut command, Destination::Pipe)?.started()
}

fn ends_cleanly_on(signal: Signal) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = start(&net, libc::SIG_DFL)?;
    net.netns.run(|| net.pair()?.client_closes())?;
    // The transitions of the listener, the client and the server. The last ACK may arrive after close() has returned.
    wait_for_rows(&tracer, &net, 12)?;
    tracer.signal(signal)?;
    let trace = tracer.finish()?;
    let rows = u64::try_from(trace.rows()?.len())?;
    ensure!(rows == 12, "{rows} rows: {}", trace.stdout);
    let summary = trace.summary()?;
    ensure!((summary.seen, summary.lost, summary.repaired) == (rows, 0, 0), "{summary:?}: {}", trace.stdout);
    let end = trace.events()?.end.context("no `end`")?;
    ensure!((end.transitions, end.lost, end.repaired) == (rows, Some(0), 0), "{end:?}");
    Ok(())
}

#[test]
fn a_count_ends_the_trace_after_exactly_so_many_rows() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let tracer = Tracer::start(&["-n", "5", "--addr", &net.addresses.server().ip().to_string()])?;
    net.netns.run(|| net.pair()?.client_closes())?;
    let trace = tracer.finish()?;
    ensure!(trace.rows()?.len() == 5, "{}", trace.stdout);
    ensure!(trace.summary()?.seen == 5, "{}", trace.stderr);
    Ok(())
}

#[test]
fn a_duration_ends_the_trace() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let trace = Tracer::start(&["-d", "1s"])?.finish()?;
    let lasted = trace.events()?.end.context("no `end`")?.duration_ns;
    ensure!(lasted >= 1_000_000_000, "it ended after {lasted} ns");
    Ok(())
}

#[test]
fn a_closed_pipe_ends_the_trace_successfully() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let mut child = command(&["--json"])?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut head = BufReader::new(child.stdout.take().context("no stdout")?);
    let mut line = String::new();
    head.read_line(&mut line)?;
    net.netns.run(|| net.pair()?.client_closes())?;
    for _ in 0..2 {
        head.read_line(&mut line)?;
    }
    drop(head);
    let status = wait::until("it notices the closed pipe", || {
        net.netns.run(|| net.pair()?.client_closes())?;
        Ok(child.try_wait()?)
    })?;
    ensure!(status.code() == Some(0), "it ended with {status}");
    ensure!(line.lines().count() == 3, "{line}");
    Ok(())
}

#[test]
fn nothing_stays_in_the_kernel_after_sigint() -> Result<()> {
    nothing_stays_after(Signal::INT)
}

#[test]
fn nothing_stays_in_the_kernel_after_sigkill() -> Result<()> {
    nothing_stays_after(Signal::KILL)
}

fn nothing_stays_after(signal: Signal) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let tracer = Tracer::spawn(&mut command(&["--json"])?, Destination::Pipe)?.started()?;
    let held = bpf_objects::held_by(tracer.pid())?;
    for kind in [Kind::Program, Kind::Map, Kind::Link] {
        ensure!(held.iter().any(|object| object.0 == kind), "it has no {kind:?}: {held:?}");
    }
    for object in &held {
        ensure!(bpf_objects::exists(*object)?, "{object:?} is held and doesn't exist");
    }
    tracer.signal(signal)?;
    tracer.end()?;
    // The kernel frees them shortly after their last reference.
    wait::until("the kernel has freed all of it", || {
        for object in &held {
            if bpf_objects::exists(*object)? {
                return Ok(None);
            }
        }
        Ok(Some(()))
    })
}

/// A trace that fails although it asks for little; a backtrace would be shown.
fn polling() -> Result<Command> {
    let mut command = command(&["--json", "--source", "proc", "-d", "60s"])?;
    command.env("RUST_BACKTRACE", "1");
    Ok(command)
}

#[test]
fn a_system_call_that_fails_at_the_start_is_one_line_and_exit_code_1() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    for (call, errno, says) in [
        (libc::SYS_epoll_create1, libc::EMFILE, ["event loop", "ulimit -n"]),
        (libc::SYS_epoll_create1, libc::EPERM, ["event loop", "Operation not permitted"]),
        (libc::SYS_eventfd2, libc::EMFILE, ["event loop", "ulimit -n"]),
        (libc::SYS_epoll_ctl, libc::ENOSPC, ["event loop", "No space left"]),
        (libc::SYS_socketpair, libc::EMFILE, ["signals", "ulimit -n"]),
        (libc::SYS_clone3, libc::EAGAIN, ["thread", "pids.max"]),
    ] {
        let mut command = polling()?;
        seccomp::calls_fail_with(&mut command, call, errno);
        is_one_error(&command.output()?, 1, &says)?;
    }
    Ok(())
}

#[test]
fn an_event_loop_that_can_not_wait_ends_the_trace_with_one_line_and_exit_code_1() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = polling()?;
    seccomp::calls_fail_with(&mut command, libc::SYS_epoll_pwait, libc::EBADF);
    #[cfg(target_arch = "x86_64")]
    seccomp::calls_fail_with(&mut command, libc::SYS_epoll_wait, libc::EBADF);
    let Output { status, stderr, .. } = command.output()?;
    let stderr = String::from_utf8(stderr)?;
    ensure!(status.code() == Some(1), "{status}: {stderr}");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.contains("epoll_wait")).collect();
    ensure!(errors.len() == 1 && errors[0].starts_with("rnetstat-trace: "), "{stderr}");
    ensure!(!stderr.contains("panicked") && !stderr.contains("backtrace"), "{stderr}");
    Ok(())
}

#[test]
fn an_error_for_want_of_open_files_names_the_limit() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    for limit in 5..=10 {
        for source in ["ebpf", "proc", "auto"] {
            let mut command = command(&["--json", "--source", source, "-d", "60s"])?;
            command.env("RUST_BACKTRACE", "1");
            let rlimit = Rlimit { current: Some(limit), maximum: Some(limit) };
            let limited = move || {
                for descriptor in 3..i32::try_from(limit).unwrap_or(i32::MAX) {
                    // SAFETY: it changes a flag of a descriptor; without such a descriptor it fails. The files that the
                    // test inherited must not count.
                    unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
                }
                Ok(setrlimit(Resource::Nofile, rlimit)?)
            };
            // SAFETY: it makes system calls only, which is allowed between fork and exec.
            unsafe { command.pre_exec(limited) };
            let output = command.output()?;
            is_one_error(&output, 1, &["open files", "ulimit -n"])
                .with_context(|| format!("--source {source} with at most {limit} open files"))?;
            ensure!(!String::from_utf8(output.stderr)?.contains("seccomp"), "it blames seccomp");
        }
    }
    Ok(())
}
