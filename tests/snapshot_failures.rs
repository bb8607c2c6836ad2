//! Snapshots that can't be taken: `--existing` shows every connection, or the trace reports that it shows none and why.

#![cfg(target_os = "linux")]

use std::{net::SocketAddr, os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::LostWhat,
    limited_cgroup::LimitedCgroup,
    netns::Namespace,
    output::Destination,
    seccomp, skip,
    sock::Sock,
    tracer::{self, Tracer},
    wait,
};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

/// The connections of a namespace; each is two sockets.
const CONNECTIONS: usize = 1_000;
/// The sockets with their listener.
const SOCKETS: usize = 2 * CONNECTIONS + 1;
/// The buffer into which rnetstat-trace reads the iterators, bytes (source/ebpf/snapshot/iterators.rs).
const ITERATOR_BUFFER_BYTES: u32 = 64 << 10;
/// What the trace says on stderr when it shows no existing connections.
const NONE_SHOWN: &str = "connections from before the start";

/// A network namespace with open connections.
struct Busy {
    namespace: Namespace,
    _sockets: Vec<Sock>,
}

impl Busy {
    fn new() -> Result<Self> {
        let namespace = Namespace::new()?;
        let sockets = namespace.run(|| {
            let listener = Sock::listening(SocketAddr::from(([127, 0, 0, 1], 0)), 8)?;
            let address = listener.local()?;
            let mut sockets = Vec::with_capacity(SOCKETS);
            for _ in 0..CONNECTIONS {
                sockets.push(Sock::connected(address)?);
                sockets.push(listener.accept()?);
            }
            sockets.push(listener);
            Ok(sockets)
        })?;
        Ok(Self { namespace, _sockets: sockets })
    }

    /// A trace of this namespace. It ends after a minute if the test doesn't stop it.
    fn command(&self, more: &[&str]) -> Result<Command> {
        let netns = self.namespace.inum()?.to_string();
        let mut command =
            tracer::command(&["--json", "--source", "ebpf", "--existing", "-d", "60s", "--netns", &netns])?;
        command.args(more);
        Ok(command)
    }
}

fn open_files(soft: u64, hard: Option<u64>) -> Rlimit {
    Rlimit { current: Some(soft), maximum: hard }
}

/// What became of a trace.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It showed every connection.
    AllShown,
    /// It showed none, and reported that in the stream and on stderr.
    Reported,
    /// It did not start, and said why.
    Refused,
}

/// Runs a trace until it has shown the connections or has reported that it can't.
///
/// # Errors
/// It did neither, it panicked, or it showed a part of the connections.
fn outcome(command: &mut Command, reason: &str) -> Result<Outcome> {
    let tracer = match Tracer::spawn(command, Destination::Pipe)?.started() {
        Ok(tracer) => tracer,
        Err(error) => {
            let error = format!("{error:#}");
            ensure!(error.contains(reason) && !error.contains("panicked"), "{error}");
            // Nothing else is said of a trace that doesn't begin.
            ensure!(!error.contains("not seen here") && !error.contains("transitions seen"), "{error}");
            return Ok(Outcome::Refused);
        }
    };
    let is_missing = tracer.start_event()?.missing.iter().any(|missing| missing.what.contains(NONE_SHOWN));
    wait::until("the connections are shown or the failure is reported", || {
        let lines = tracer.lines_so_far()?;
        let shown = lines.lines().filter(|line| line.contains(r#""event":"existing""#)).count();
        Ok((is_missing || shown >= SOCKETS || lines.contains(r#""where":"snapshot""#)).then_some(()))
    })?;
    let trace = tracer.stop()?;
    ensure!(!trace.stderr.contains("panicked"), "{}", trace.stderr);
    let events = trace.events()?;
    if events.existing.len() == SOCKETS {
        ensure!(events.lost(LostWhat::Snapshots) == 0, "{:?}", events.losses);
        return Ok(Outcome::AllShown);
    }
    ensure!(events.existing.is_empty(), "{} of {SOCKETS} are shown", events.existing.len());
    ensure!(is_missing || events.lost(LostWhat::Snapshots) > 0, "the stream doesn't report it");
    ensure!(trace.stderr.contains(reason) && trace.stderr.contains(NONE_SHOWN), "{}", trace.stderr);
    let transitions_lost = events.end.context("no `end`")?.lost;
    ensure!(transitions_lost == Some(0), "a failed snapshot counts as {transitions_lost:?} lost transitions");
    Ok(Outcome::Reported)
}

#[test]
fn with_any_limit_of_open_files_all_connections_are_shown_or_the_failure_is_reported() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let busy = Busy::new()?;
    let mut outcomes = Vec::new();
    for limit in (16..=80).step_by(4) {
        let mut command = busy.command(&[])?;
        let lower = move || Ok(setrlimit(Resource::Nofile, open_files(limit, Some(limit)))?);
        // SAFETY: it makes one system call, which is allowed between fork and exec.
        unsafe { command.pre_exec(lower) };
        let outcome = outcome(&mut command, "Too many open files")
            .with_context(|| format!("with at most {limit} open files"))?;
        outcomes.push(outcome);
    }
    for expected in [Outcome::Refused, Outcome::Reported, Outcome::AllShown] {
        ensure!(outcomes.contains(&expected), "{expected:?} is not among {outcomes:?}");
    }
    Ok(())
}

#[test]
fn with_any_limit_of_threads_all_connections_are_shown_or_the_failure_is_reported() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let cgroup = LimitedCgroup::threads(1)?;
    if skip::without("the pids controller of cgroups", cgroup.is_some()) {
        return Ok(());
    }
    let busy = Busy::new()?;
    let mut outcomes = Vec::new();
    for limit in 1..=6 {
        let cgroup = LimitedCgroup::threads(limit)?.context("the pids controller is gone")?;
        let mut command = busy.command(&[])?;
        cgroup.limit(&mut command)?;
        let outcome = outcome(&mut command, "Resource temporarily unavailable")
            .with_context(|| format!("with at most {limit} threads"))?;
        outcomes.push(outcome);
    }
    // The main thread, those that write to stdout and stderr, and the one that takes snapshots.
    ensure!(outcomes[3..].iter().all(|outcome| *outcome == Outcome::AllShown), "{outcomes:?}");
    Ok(())
}

#[test]
fn an_iterator_that_can_not_be_opened_is_reported() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = Busy::new()?.command(&[])?;
    seccomp::iterators_fail_with(&mut command, libc::EPERM);
    assert_eq!(outcome(&mut command, "Operation not permitted")?, Outcome::Reported);
    Ok(())
}

#[test]
fn an_iterator_that_can_not_be_read_is_reported() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut command = Busy::new()?.command(&[])?;
    seccomp::reads_fail_with(&mut command, ITERATOR_BUFFER_BYTES, libc::EIO);
    assert_eq!(outcome(&mut command, "Input/output error")?, Outcome::Reported);
    Ok(())
}

#[test]
fn a_failure_is_reported_once_and_snapshots_that_work_again_too() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let busy = Busy::new()?;
    let mut command = busy.command(&["--reconcile-interval", "100ms"])?;
    let tracer = Tracer::spawn(&mut command, Destination::Pipe)?.started()?;
    let is_shown = || -> Result<_> {
        Ok((tracer.lines_so_far()?.matches(r#""event":"existing""#).count() == SOCKETS).then_some(()))
    };
    wait::until("the connections are shown", is_shown)?;

    let pid = Pid::from_raw(i32::try_from(tracer.pid())?);
    // The trace can open no more files; those that it has remain.
    let lowered = open_files(3, getrlimit(Resource::Nofile).maximum);
    let before = prlimit(pid, Resource::Nofile, lowered)?;
    wait::until("several snapshots have failed", || {
        Ok((tracer.lines_so_far()?.matches(r#""where":"snapshot""#).count() >= 3).then_some(()))
    })?;
    prlimit(pid, Resource::Nofile, before)?;
    wait::until("snapshots work again", || {
        Ok(tracer.stderr_so_far()?.contains("snapshots work again").then_some(()))
    })?;
    let trace = tracer.stop()?;
    let notes = trace.stderr.matches("no snapshot of the sockets: ").count();
    ensure!(notes == 1, "{notes} notes of one failure: {}", trace.stderr);
    ensure!(!trace.stderr.contains(NONE_SHOWN), "{}", trace.stderr);
    let events = trace.events()?;
    ensure!(events.repaired.is_empty(), "a failed snapshot repairs nothing: {:?}", events.repaired);
    Ok(())
}
