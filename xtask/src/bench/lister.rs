//! Programs that list sockets once: what a whole run of one takes.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Result, ensure};
use netstat_tests::netns::Namespace;

use super::{
    output,
    report::{Figure, Target, median},
};

/// The user and group of nobody.
const NOBODY: u32 = 65534;

/// A program with its flags, and what its runs took.
pub struct Lister {
    program: PathBuf,
    flags: &'static str,
    is_root: bool,
    /// Milliseconds.
    values: Vec<f64>,
}

impl Lister {
    /// A program that is at this path.
    pub fn new(program: &Path, flags: &'static str) -> Self {
        Self { program: program.to_owned(), flags, is_root: true, values: Vec::new() }
    }

    /// Each program with its flags that is installed; says of the others that they are missing.
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

    /// The same, run by the user nobody.
    pub fn by_nobody(self) -> Self {
        Self { is_root: false, ..self }
    }

    /// Runs it in the namespace, where it has to list so many sockets at least.
    pub fn run(&mut self, namespace: &Namespace, sockets: usize) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg(self.flags).current_dir("/");
        if !self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let took = namespace.run(|| {
            let begin = Instant::now();
            let text = output(&mut command)?;
            let took = begin.elapsed().as_secs_f64() * 1e3;
            let lines = text.split(|byte| *byte == b'\n').count();
            ensure!(lines > sockets, "{command:?} lists {lines} lines of {sockets} sockets");
            Ok(took)
        })?;
        self.values.push(took);
        Ok(())
    }

    /// The median of its runs, milliseconds.
    pub fn median(&self) -> f64 {
        median(&self.values)
    }

    /// Its row.
    pub fn figure(self, bench: &'static str, target: Option<Target>) -> Figure {
        let name = self.program.file_name().unwrap_or_default().display();
        let user = if self.is_root { "" } else { ", nobody" };
        Figure {
            bench,
            subject: format!("{name} {}{user}", self.flags),
            unit: "ms",
            values: self.values,
            target,
            note: String::new(),
        }
    }
}

/// The median of the fastest; None of none.
pub fn fastest(listers: &[Lister]) -> Option<f64> {
    listers.iter().map(Lister::median).reduce(f64::min)
}
