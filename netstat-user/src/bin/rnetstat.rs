//! `rnetstat`: arguments, run, exit code.

use std::{io::Write as _, process::ExitCode};

use netstat_user::{
    config::stdout_has_color,
    netstat::{self, cli},
};

fn main() -> ExitCode {
    let request = match cli::parse(std::env::args_os(), stdout_has_color(), |name| std::env::var(name).ok()) {
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
