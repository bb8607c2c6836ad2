//! Programs that list sockets once and exit: how long a run takes.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Result, ensure};
use netstat_tests::netns::Namespace;

use super::report::{Figure, Report, Target, median};
use crate::process::stdout_bytes_of;

/// The user and group id of nobody.
const NOBODY: u32 = 65534;

/// A program with its flags, and the times of its runs.
pub struct Lister {
    program: PathBuf,
    flags: &'static str,
    is_root: bool,
    /// Milliseconds.
    times: Vec<f64>,
}

impl Lister {
    pub fn new(program: &Path, flags: &'static str) -> Self {
        Self { program: program.to_owned(), flags, is_root: true, times: Vec::new() }
    }

    /// Those of the programs that are installed. Reports the others on stderr.
    pub fn installed(peers: &[(&str, &'static str)]) -> Vec<Self> {
        let mut listers = Vec::new();
        for (program, flags) in peers {
            match which::which(program) {
                Ok(path) => listers.push(Self::new(&path, flags)),
                Err(_) => eprintln!("left out: {program} is not installed"),
            }
        }
        listers
    }

    /// The same, run as the user nobody.
    pub fn run_by_nobody(self) -> Self {
        Self { is_root: false, ..self }
    }

    /// Runs it in the namespace. Fails if it lists fewer than `sockets` sockets.
    pub fn run(&mut self, namespace: &Namespace, sockets: usize) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg(self.flags).current_dir("/");
        if !self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let time = namespace.run(|| {
            let begin = Instant::now();
            let text = stdout_bytes_of(&mut command)?;
            let time = begin.elapsed().as_secs_f64() * 1e3;
            let lines = text.split(|byte| *byte == b'\n').count();
            ensure!(lines > sockets, "{command:?} lists {lines} lines of {sockets} sockets");
            Ok(time)
        })?;
        self.times.push(time);
        Ok(())
    }

    /// The median of its runs, milliseconds.
    pub fn median(&self) -> f64 {
        median(&self.times)
    }

    /// Its row of the report.
    pub fn into_figure(self, target: Option<Target>) -> Figure {
        let name = self.program.file_name().unwrap_or_default().display();
        let user = if self.is_root { "" } else { ", nobody" };
        Figure::new(format!("{name} {}{user}", self.flags), "ms", self.times).with_target(target)
    }
}

/// Adds a row for each of the peers.
pub fn add_peers(peers: Vec<Lister>, report: &mut Report) {
    peers.into_iter().for_each(|peer| report.add(peer.into_figure(None)));
}

/// The smallest of the medians; None if there is no lister.
pub fn fastest(listers: &[Lister]) -> Option<f64> {
    listers.iter().map(Lister::median).reduce(f64::min)
}
