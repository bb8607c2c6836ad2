//! A running `rnetstat-trace --json` whose events are read from a pipe as they come.

use std::{
    io::{BufRead as _, BufReader},
    process::{ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{event::Event, process::Process};

use super::setup::Bench;

/// A running trace. Dropping the value ends it.
pub struct JsonTrace {
    process: Process,
    lines: BufReader<ChildStdout>,
    line: String,
    /// The time from exec to the `start` event.
    pub startup: Duration,
}

impl JsonTrace {
    /// Starts `rnetstat-trace --json` with these arguments and waits for its `start` event.
    pub fn start(bench: &Bench, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(&bench.tracer);
        command
            .arg("--json")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let begin = Instant::now();
        let mut child = command.spawn().context("cannot start rnetstat-trace")?;
        let lines = BufReader::with_capacity(1 << 20, child.stdout.take().context("no stdout")?);
        let mut trace =
            Self { process: Process::new(child), lines, line: String::new(), startup: Duration::ZERO };
        ensure!(matches!(trace.next()?, Event::Start(_)), "the first event of the trace is not `start`");
        trace.startup = begin.elapsed();
        Ok(trace)
    }

    /// Waits for the next event.
    pub fn next(&mut self) -> Result<Event> {
        let line = self.next_line()?;
        Event::parse(line)
    }

    /// Waits for the next line and returns it unparsed.
    pub fn next_line(&mut self) -> Result<&str> {
        self.line.clear();
        ensure!(self.lines.read_line(&mut self.line)? > 0, "the trace has ended");
        Ok(&self.line)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as Ctrl-C does, and reads its output to the end.
    pub fn stop(mut self) -> Result<()> {
        self.process.interrupt()?;
        std::io::copy(&mut self.lines, &mut std::io::sink())?;
        self.process.wait()?;
        Ok(())
    }
}
