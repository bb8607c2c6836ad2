//! The tracer with its output on a pipe, read as it comes.

use std::{
    io::{BufRead as _, BufReader},
    process::{ChildStdout, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{event::Event, process::Process};

use super::Bench;

/// A running tracer. It doesn't outlive this value.
pub struct Ours {
    process: Process,
    lines: BufReader<ChildStdout>,
    line: String,
    /// When it was started.
    pub started: Instant,
}

impl Ours {
    /// Starts `rnetstat-trace --json` with these arguments and waits for its `start` event.
    pub fn start(bench: &Bench, arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(&bench.tracer);
        command
            .arg("--json")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let started = Instant::now();
        let mut child = command.spawn().context("starting rnetstat-trace")?;
        let lines = BufReader::with_capacity(1 << 20, child.stdout.take().context("no stdout")?);
        let mut ours = Self { process: Process::new(child), lines, line: String::new(), started };
        ensure!(matches!(ours.next()?, Event::Start(_)), "its output doesn't begin with `start`");
        Ok(ours)
    }

    /// The next event, when it comes.
    pub fn next(&mut self) -> Result<Event> {
        let line = self.next_line()?;
        Event::parse(line)
    }

    /// The next line as it is.
    pub fn next_line(&mut self) -> Result<&str> {
        self.line.clear();
        ensure!(self.lines.read_line(&mut self.line)? > 0, "its output has ended");
        Ok(&self.line)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as Ctrl-C does.
    pub fn stop(mut self) -> Result<()> {
        self.process.interrupt()?;
        std::io::copy(&mut self.lines, &mut std::io::sink())?;
        self.process.wait()?;
        Ok(())
    }
}
