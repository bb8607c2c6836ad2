//! The tracer with its output on a pipe, read as it comes.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::event::Event;
use rustix::process::{Pid, Signal, kill_process};

use super::Bench;

/// A running tracer. It doesn't outlive this value.
pub struct Ours {
    child: Child,
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
        let mut ours = Self { child, lines, line: String::new(), started };
        ensure!(matches!(ours.next()?, Event::Start(_)), "its output doesn't begin with `start`");
        Ok(ours)
    }

    /// The next event, when it comes.
    pub fn next(&mut self) -> Result<Event> {
        self.line.clear();
        ensure!(self.lines.read_line(&mut self.line)? > 0, "its output has ended");
        Event::parse(&self.line)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as Ctrl-C does.
    pub fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_raw(i32::try_from(self.pid())?).context("no pid")?, Signal::INT)?;
        std::io::copy(&mut self.lines, &mut std::io::sink())?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
