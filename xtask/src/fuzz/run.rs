//! Runs one target: libFuzzer in a process of its own, whose output goes to a file.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use super::Folders;
use super::summary::Summary;
use crate::process;

/// An input that takes longer than this is a failure, seconds.
const TIMEOUT_SECONDS: u32 = 10;
/// A target that needs more memory than this is a failure, MiB.
const MEMORY_MIB: u32 = 2048;

/// How a run ended.
pub struct Outcome {
    pub target: String,
    pub has_failed: bool,
    summary: Summary,
    /// The file with all that libFuzzer printed.
    log: PathBuf,
    /// The inputs that failed.
    inputs: Vec<PathBuf>,
}

/// Runs a target for some seconds.
///
/// # Errors
/// The target can't be run. An input that fails is no error here.
pub fn run(folders: &Folders, programs: &Path, target: &str, seconds: u64) -> Result<Outcome> {
    let failures = folders.left_by("failures", target)?;
    // What an earlier run found is not this run's failure.
    fs::remove_dir_all(&failures).with_context(|| format!("cannot clear {}", failures.display()))?;
    let failures = folders.left_by("failures", target)?;
    let log = folders.left_by("logs", target)?.join("output");
    let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let errors = output.try_clone().context("cannot write the output twice")?;
    let mut command = fuzzer(programs, target);
    command.arg(format!("-max_total_time={seconds}")).args(["-print_final_stats=1", "-use_value_profile=1"]);
    command.arg(format!("-artifact_prefix={}/", failures.display()));
    // libFuzzer adds to the first folder, and only reads the second.
    command.arg(folders.left_by("corpus", target)?).arg(folders.seeds(target));
    let status = command.stdout(output).stderr(errors).status();
    let status = status.with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let text = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let entries = fs::read_dir(&failures).with_context(|| format!("cannot list {}", failures.display()))?;
    Ok(Outcome {
        target: target.to_owned(),
        has_failed: !status.success(),
        summary: Summary::of(&String::from_utf8_lossy(&text)),
        log,
        inputs: entries.filter_map(|entry| Some(entry.ok()?.path())).collect(),
    })
}

/// Runs a target with one input, and shows all that it prints.
pub fn replay(programs: &Path, target: &str, input: &Path) -> Result<ExitCode> {
    let mut command = fuzzer(programs, target);
    let status = command.arg(input).status();
    let status = status.with_context(|| format!("cannot run {}", command.get_program().display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn fuzzer(programs: &Path, target: &str) -> Command {
    let mut command = Command::new(programs.join(target));
    command.arg(format!("-timeout={TIMEOUT_SECONDS}")).arg(format!("-rss_limit_mb={MEMORY_MIB}"));
    // One static symbol is in several of a program's objects: cargo-fuzz runs its programs without this check too.
    command.env("ASAN_OPTIONS", "detect_odr_violation=0").env("RUST_BACKTRACE", "1");
    command
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, has_failed, summary, log, inputs } = self;
        write!(f, "{target}: {summary}")?;
        if *has_failed {
            write!(f, "\n{}\n(all output: {})", summary.failure, log.display())?;
        }
        for input in inputs {
            write!(f, "\nthe input, in base64 (make a file of it: base64 -d):\n{}", encoded(input))?;
            write!(f, "\nrun it again: cargo xtask fuzz {target} --input {}", input.display())?;
        }
        Ok(())
    }
}

/// A file's bytes, so that they can be copied out of the log of a machine that is gone.
fn encoded(input: &Path) -> String {
    process::stdout_of(Command::new("base64").arg(input)).unwrap_or_else(|error| error.to_string())
}
