//! `cargo xtask test`: the unit tests, then the integration tests, which run the real binaries, as root if possible.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::cargo::{self, Program};
use crate::privilege::Root;
use crate::{ebpf, workspace};

/// The package of the integration tests.
const INTEGRATION: &str = "netstat-tests";
/// The environment variable that names the directory of the binaries under test.
const BIN_DIR: &str = "RNETSTAT_BIN_DIR";
/// The environment variable that names the file to which a test that cannot run appends a line: its name and the reason.
const SKIPPED: &str = "RNETSTAT_SKIPPED";
/// Privileged tests share the kernel's tracing facilities and two cores.
const THREADS: &str = "--test-threads=2";

#[derive(clap::Args)]
pub struct Args {
    /// The eBPF object that the binaries embed
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
    /// Like fresh, but no test runs if its bytes are the committed ones
    FreshIfDifferent,
}

pub fn test(args: &Args) -> Result<ExitCode> {
    let object = match args.object {
        Object::Committed => None,
        Object::Fresh => Some(ebpf::build_fresh()?.path),
        Object::FreshIfDifferent => {
            let fresh = ebpf::build_fresh()?;
            if fresh.is_committed {
                println!("no tests run: the fresh eBPF object has the same bytes as the committed one");
                return Ok(ExitCode::SUCCESS);
            }
            println!("the fresh eBPF object differs from the committed one");
            Some(fresh.path)
        }
    };
    let bin_dir = build_binaries(object.as_deref())?;
    let unit_tests_passed = run_unit_tests(object.as_deref(), &args.args)?;

    let skipped = create_list_of_skipped()?;
    let mut failed = Vec::new();
    for program in integration_programs()? {
        println!("\n     Running {} as {}", program.name, user_of_tests());
        if !run_integration(&program, &bin_dir, &skipped, &args.args)? {
            failed.push(program.name);
        }
    }
    report_skipped(&skipped)?;
    if !unit_tests_passed {
        failed.insert(0, "the unit tests".to_owned());
    }
    if !failed.is_empty() {
        bail!("these failed: {}", failed.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// `cargo <subcommand>` for packages that embed the object; None is the committed one.
fn embedding(subcommand: &str, object: Option<&Path>) -> Result<Command> {
    let mut cargo = cargo::command(subcommand)?;
    match object {
        Some(object) => cargo.env(ebpf::OBJECT_VARIABLE, object),
        None => cargo.env_remove(ebpf::OBJECT_VARIABLE),
    };
    Ok(cargo)
}

/// Builds the binaries and returns their directory.
fn build_binaries(object: Option<&Path>) -> Result<PathBuf> {
    let programs = cargo::programs(cargo::release_build(embedding("build", object)?))?;
    let dir = programs.first().and_then(|program| program.path.parent());
    dir.map(Path::to_path_buf).with_context(|| format!("cargo built no binary of {}", cargo::PRODUCT))
}

fn run_unit_tests(object: Option<&Path>, args: &[OsString]) -> Result<bool> {
    let mut test = embedding("test", object)?;
    test.args(["--workspace", "--exclude", INTEGRATION, "--no-fail-fast", "--"]).args(args);
    Ok(test.status().context("cannot run cargo test")?.success())
}

/// Builds the integration tests and returns their programs, sorted by name.
pub fn integration_programs() -> Result<Vec<Program>> {
    let mut build = cargo::command("test")?;
    build.args(["--package", INTEGRATION, "--no-run"]);
    let mut programs = cargo::programs(build)?;
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

fn user_of_tests() -> &'static str {
    match Root::find_without_password() {
        Root::Already | Root::Sudo(_) => "root",
        Root::Unavailable => "an ordinary user",
    }
}

/// Runs one program of the integration tests and returns whether it succeeded.
fn run_integration(program: &Program, bin_dir: &Path, skipped: &Path, args: &[OsString]) -> Result<bool> {
    let mut command = match Root::find_without_password() {
        Root::Sudo(sudo) => {
            // sudo clears the environment, so env sets the variables again.
            let mut command = Command::new(sudo);
            command.args(["-n", "env"]).arg(assignment(BIN_DIR, bin_dir)).arg(assignment(SKIPPED, skipped));
            command.arg(&program.path);
            command
        }
        Root::Already | Root::Unavailable => {
            let mut command = Command::new(&program.path);
            command.env(BIN_DIR, bin_dir).env(SKIPPED, skipped);
            command
        }
    };
    if !args.iter().any(is_thread_count) {
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

fn is_thread_count(arg: &OsString) -> bool {
    arg.as_encoded_bytes().starts_with(b"--test-threads")
}

/// Creates the empty list as our user, so that both we and the tests as root can write it.
fn create_list_of_skipped() -> Result<PathBuf> {
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
    use super::{OsString, Path, assignment, is_thread_count};

    #[test]
    fn an_assignment_has_the_syntax_of_env() {
        assert_eq!(assignment("DIR", Path::new("a b")), OsString::from("DIR=a b"));
    }

    #[test]
    fn an_argument_that_sets_the_number_of_threads_is_recognised() {
        assert!(is_thread_count(&"--test-threads".into()));
        assert!(is_thread_count(&"--test-threads=1".into()));
        assert!(!is_thread_count(&"threads".into()));
    }
}
