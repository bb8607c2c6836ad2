//! `cargo xtask run`: builds rnetstat-trace and executes it as root.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::cargo;
use crate::privilege::Root;

#[derive(clap::Args)]
pub struct Args {
    /// Arguments of rnetstat-trace
    #[arg(last = true)]
    args: Vec<OsString>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let mut command = as_root(&cargo::build_tracer()?)?;
    command.args(&args.args);
    execute(command)
}

fn as_root(program: &Path) -> Result<Command> {
    match Root::find() {
        Root::Already => Ok(Command::new(program)),
        Root::Sudo(sudo) => {
            let mut command = Command::new(sudo);
            command.arg("--").arg(program);
            Ok(command)
        }
        Root::Unavailable => {
            bail!("tracing needs root, and sudo is not installed: run {} as root", program.display())
        }
    }
}

/// Replaces this process, so that signals, the terminal and the exit status belong to the program.
#[cfg(unix)]
fn execute(mut command: Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt as _;

    let failure = command.exec();
    Err(failure).with_context(|| format!("cannot run {}", command.get_program().display()))
}

#[cfg(not(unix))]
fn execute(mut command: Command) -> Result<ExitCode> {
    let status =
        command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
