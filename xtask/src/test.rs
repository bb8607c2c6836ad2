//! `cargo xtask test`: the host crates' own tests, then the real binaries over real sockets, as root if it can be had.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::cargo::{self, Program};
use crate::privilege::Root;
use crate::{ebpf, workspace};

/// The package of the tests that run the binaries.
const INTEGRATION: &str = "netstat-tests";
/// Tells the tests where the binaries are.
const BIN_DIR: &str = "RNETSTAT_BIN_DIR";
/// Names the file to which a test that could not run appends its name and the reason, a line each.
const SKIPPED: &str = "RNETSTAT_SKIPPED";
/// Privileged tests share the kernel's tracing facilities and two cores.
const THREADS: &str = "--test-threads=2";

#[derive(clap::Args)]
pub struct Args {
    /// Which eBPF object the binaries embed
    #[arg(long, value_enum, default_value_t = Object::Committed)]
    object: Object,
    /// Arguments of the test programs: names of tests, --list, --nocapture, …
    #[arg(last = true)]
    args: Vec<OsString>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Object {
    /// The one in netstat-ebpf/object
    Committed,
    /// One that is built from the sources first, with the BPF toolchain of this machine
    Fresh,
}

pub fn test(args: &Args) -> Result<ExitCode> {
    let object = match args.object {
        Object::Committed => None,
        Object::Fresh => Some(ebpf::build_fresh()?),
    };
    let bin_dir = build_binaries(object.as_deref())?;
    let own_tests_passed = run_own_tests(object.as_deref(), &args.args)?;

    let skipped = start_list_of_skipped()?;
    let mut failed = Vec::new();
    for program in integration_programs()? {
        println!("\n     Running {} as {}", program.name, whoami());
        if !run_integration(&program, &bin_dir, &skipped, &args.args)? {
            failed.push(program.name);
        }
    }
    report_skipped(&skipped)?;
    if !own_tests_passed {
        failed.insert(0, "the host crates' own tests".to_owned());
    }
    if !failed.is_empty() {
        bail!("these failed: {}", failed.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// `cargo <subcommand>` for packages that embed the object.
fn embedding(subcommand: &str, object: Option<&Path>) -> Result<Command> {
    let mut cargo = cargo::command(subcommand)?;
    match object {
        Some(object) => cargo.env(ebpf::OBJECT_VARIABLE, object),
        None => cargo.env_remove(ebpf::OBJECT_VARIABLE),
    };
    Ok(cargo)
}

/// Builds the binaries and says in which directory they are.
fn build_binaries(object: Option<&Path>) -> Result<PathBuf> {
    let mut build = embedding("build", object)?;
    build.args(["--release", "--package", "netstat-user", "--bins"]);
    let programs = cargo::programs(build)?;
    let dir = programs.first().and_then(|program| program.path.parent());
    dir.map(Path::to_path_buf).context("cargo built no binary of netstat-user")
}

fn run_own_tests(object: Option<&Path>, args: &[OsString]) -> Result<bool> {
    let mut test = embedding("test", object)?;
    test.args(["--workspace", "--exclude", INTEGRATION, "--no-fail-fast", "--"]).args(args);
    Ok(test.status().context("cannot run cargo test")?.success())
}

/// The programs of the tests that run the binaries.
pub fn integration_programs() -> Result<Vec<Program>> {
    let mut build = cargo::command("test")?;
    build.args(["--package", INTEGRATION, "--no-run"]);
    let mut programs = cargo::programs(build)?;
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

fn whoami() -> &'static str {
    match Root::find_without_password() {
        Root::Already | Root::Sudo(_) => "root",
        Root::OutOfReach => "an ordinary user",
    }
}

/// Runs one program of the integration tests to its end, with nothing of ours beside it.
fn run_integration(program: &Program, bin_dir: &Path, skipped: &Path, args: &[OsString]) -> Result<bool> {
    let mut command = match Root::find_without_password() {
        Root::Sudo(sudo) => {
            // sudo takes the environment away, env gives ours back.
            let mut command = Command::new(sudo);
            command.args(["-n", "env"]).arg(assignment(BIN_DIR, bin_dir)).arg(assignment(SKIPPED, skipped));
            command.arg(&program.path);
            command
        }
        Root::Already | Root::OutOfReach => {
            let mut command = Command::new(&program.path);
            command.env(BIN_DIR, bin_dir).env(SKIPPED, skipped);
            command
        }
    };
    if !args.iter().any(names_threads) {
        command.arg(THREADS);
    }
    command.args(args).current_dir(workspace::root()?.join("tests"));
    let status = command.status().with_context(|| format!("cannot run {}", program.path.display()))?;
    Ok(status.success())
}

fn assignment(name: &str, value: &Path) -> OsString {
    let mut assignment = OsString::from(name);
    assignment.push("=");
    assignment.push(value);
    assignment
}

fn names_threads(arg: &OsString) -> bool {
    arg.as_encoded_bytes().starts_with(b"--test-threads")
}

/// An empty list, which both the tests as root and we can write.
fn start_list_of_skipped() -> Result<PathBuf> {
    let list = workspace::target_dir()?.join("skipped-tests.txt");
    fs::write(&list, "").with_context(|| format!("cannot write {}", list.display()))?;
    Ok(list)
}

fn report_skipped(list: &Path) -> Result<()> {
    let skipped = fs::read_to_string(list).with_context(|| format!("cannot read {}", list.display()))?;
    let names: Vec<&str> = skipped.lines().collect();
    if !names.is_empty() {
        println!("\nSKIPPED {}", names.join("\nSKIPPED "));
        println!("{} tests were SKIPPED", names.len());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{OsString, Path, assignment, names_threads};

    #[test]
    fn an_assignment_is_what_env_takes() {
        assert_eq!(assignment("DIR", Path::new("a b")), OsString::from("DIR=a b"));
    }

    #[test]
    fn the_number_of_threads_is_the_users_if_he_names_one() {
        assert!(names_threads(&"--test-threads".into()));
        assert!(names_threads(&"--test-threads=1".into()));
        assert!(!names_threads(&"threads".into()));
    }
}
