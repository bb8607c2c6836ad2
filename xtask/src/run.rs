//! `cargo xtask run`: builds rnetstat-trace and becomes it, as root.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::privilege::Root;

const PROGRAM: &str = "rnetstat-trace";

#[derive(clap::Args)]
pub struct Args {
    /// Arguments of rnetstat-trace
    #[arg(last = true)]
    args: Vec<OsString>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let mut build = cargo::command("build")?;
    build.args(["--release", "--package", "netstat-user", "--bin", PROGRAM]);
    let programs = cargo::programs(build)?;
    let Some(program) = programs.iter().find(|program| program.name == PROGRAM) else {
        bail!("cargo built no {PROGRAM}");
    };
    let mut command = as_root(&program.path)?;
    command.args(&args.args);
    become_it(command)
}

fn as_root(program: &Path) -> Result<Command> {
    match Root::find() {
        Root::Already => Ok(Command::new(program)),
        Root::Sudo(sudo) => {
            let mut command = Command::new(sudo);
            command.arg("--").arg(program);
            Ok(command)
        }
        Root::OutOfReach => {
            bail!("tracing needs root and there is no sudo here: run {} as root", program.display())
        }
    }
}

/// Takes our place, so that signals, the terminal and the exit status are its own.
#[cfg(unix)]
fn become_it(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;

    let failure = command.exec();
    Err(failure).with_context(|| format!("cannot run {}", command.get_program().display()))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> Result<ExitCode> {
    let status =
        command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
