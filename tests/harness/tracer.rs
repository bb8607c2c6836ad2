//! Starts and stops the real binary, as a user does.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;

use crate::{
    event::{Event, Start},
    output::{Destination, Output},
    process::Process,
    trace::Trace,
    wait,
};

/// The path of rnetstat-trace.
pub fn binary() -> Result<PathBuf> {
    binary_named("rnetstat-trace")
}

/// The path of a binary: in `RNETSTAT_BIN_DIR`, or where cargo built it for this profile.
pub fn binary_named(name: &str) -> Result<PathBuf> {
    let directory = match std::env::var_os("RNETSTAT_BIN_DIR") {
        Some(directory) => PathBuf::from(directory),
        // The test executable is in target/PROFILE/deps.
        None => std::env::current_exe()?.ancestors().nth(2).context("no target directory")?.to_owned(),
    };
    let path = directory.join(name);
    ensure!(path.exists(), "{} is missing: build it, or say in RNETSTAT_BIN_DIR where it is", path.display());
    Ok(path)
}

/// Sets `--life-hook` for traces without that option, so that the same tests run with both kinds of hooks.
const MINISOCK_HOOK_VARIABLE: &str = "RNETSTAT_LIFE_HOOK";

/// A command that runs rnetstat-trace with these arguments and without a terminal.
pub fn command(arguments: &[&str]) -> Result<Command> {
    Ok(command_of(&binary()?, arguments))
}

/// The same for another program.
pub fn command_of(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

/// The `--life-hook` option that the environment chooses.
fn minisock_hook() -> Vec<String> {
    std::env::var(MINISOCK_HOOK_VARIABLE)
        .map_or_else(|_| Vec::new(), |hook| vec!["--life-hook".to_owned(), hook])
}

/// How long the last output of the process may take to reach its reader.
const OUTPUT_DELAY: Duration = Duration::from_millis(500);

/// A running trace. It is killed when this value is dropped, also when the test fails.
pub struct Tracer {
    process: Process,
    stdout: Output,
    stderr: Output,
}

impl Tracer {
    /// Starts `rnetstat-trace --json` with more arguments. Returns when it observes transitions.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        Self::start_into(Destination::Pipe, arguments)
    }

    /// As [`Self::start`], with another destination of the output.
    pub fn start_into(destination: Destination, arguments: &[&str]) -> Result<Self> {
        let mut command = command(&["--json"])?;
        if !arguments.contains(&"--state-hook") {
            command.args(minisock_hook());
        }
        Self::spawn(command.args(arguments), destination)?.started()
    }

    /// Runs the command, in any format.
    pub fn spawn(command: &mut Command, destination: Destination) -> Result<Self> {
        command.stderr(Stdio::piped());
        let (mut child, stdout) = match destination {
            Destination::Pipe => spawn_with_pipe(command, |_| {})?,
            Destination::Paced(pace) => spawn_with_pipe(command, pace)?,
            Destination::File => {
                let (stdio, output) = Output::into_file()?;
                (command.stdout(stdio).spawn().context("starting rnetstat-trace")?, output)
            }
        };
        let stderr = Output::read(child.stderr.take().context("no stderr")?, |_| {});
        Ok(Self { process: Process::new(child), stdout, stderr })
    }

    /// Waits for the `start` event of a JSON trace.
    pub fn started(mut self) -> Result<Self> {
        let line = wait::until("the start event is written", || {
            // Checked before the output: a process that has ended writes nothing more.
            let ended = self.process.try_wait()?;
            if ended.is_some() {
                std::thread::sleep(OUTPUT_DELAY);
            }
            let first = self.stdout.lines_so_far()?.lines().next().map(str::to_owned);
            if let (Some(status), None) = (ended, &first) {
                anyhow::bail!("it ended with {status} instead of starting: {}", self.stderr.lines_so_far()?);
            }
            Ok(first)
        })?;
        ensure!(matches!(Event::parse(&line)?, Event::Start(_)), "it doesn't begin with `start`: {line}");
        Ok(self)
    }

    /// The complete lines that it has written to stdout.
    pub fn lines_so_far(&self) -> Result<String> {
        self.stdout.lines_so_far()
    }

    /// The complete lines that it has written to stderr.
    pub fn stderr_so_far(&self) -> Result<String> {
        self.stderr.lines_so_far()
    }

    /// The first event of a JSON trace.
    pub fn start_event(&self) -> Result<Start> {
        let lines = self.stdout.lines_so_far()?;
        match Event::parse(lines.lines().next().context("nothing is written")?)? {
            Event::Start(start) => Ok(start),
            event => anyhow::bail!("it doesn't begin with `start`: {event:?}"),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// Sends SIGINT, then [`Self::finish`].
    pub fn stop(self) -> Result<Trace> {
        self.process.interrupt()?;
        self.finish()
    }

    /// Waits for its end, which must be successful, and returns its output.
    pub fn finish(self) -> Result<Trace> {
        let trace = self.end()?;
        ensure!(trace.status.success(), "it ended with {}: {}", trace.status, trace.stderr);
        Ok(trace)
    }

    /// Waits for its end, whatever its exit status.
    pub fn end(mut self) -> Result<Trace> {
        let process = &mut self.process;
        let status = wait::until_within(4 * wait::deadline(), "rnetstat-trace ends", || process.try_wait())?;
        Ok(Trace { status, stdout: self.stdout.all()?, stderr: self.stderr.all()? })
    }
}

fn spawn_with_pipe(
    command: &mut Command,
    pace: impl FnMut(usize) + Send + 'static,
) -> Result<(Child, Output)> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("starting rnetstat-trace")?;
    let stdout = child.stdout.take().context("no stdout")?;
    Ok((child, Output::read(stdout, pace)))
}
