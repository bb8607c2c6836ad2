//! `rnetstat`: arguments, run, exit code.

use std::{io::Write as _, process::ExitCode};

use netstat_user::{console::stdout_has_color, netstat};

fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let options = match netstat::parse(std::env::args_os(), stdout_has_color(), variable) {
        Ok(options) => options,
        Err(error) => error.exit(),
    };
    match netstat::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If stderr can't be written, the exit code alone reports the error.
            let _unwritten = writeln!(std::io::stderr(), "rnetstat: {error:#}");
            ExitCode::FAILURE
        }
    }
}
