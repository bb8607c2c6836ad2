//! `rnetstat`: arguments, run, exit code.

use std::{io::Write as _, process::ExitCode};

use netstat_user::{console::stdout_has_color, netstat};

fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let request = match netstat::parse(std::env::args_os(), stdout_has_color(), variable) {
        Ok(request) => request,
        Err(error) => error.exit(),
    };
    match netstat::run(&request) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where stderr can't be written there is nobody to tell.
            let _unwritten = writeln!(std::io::stderr(), "rnetstat: {error:#}");
            ExitCode::FAILURE
        }
    }
}
