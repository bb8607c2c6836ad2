//! `rnetstat`: arguments, run, exit code.

use std::{io::Write as _, process::ExitCode};

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    use netstat_user::{
        config::stdout_has_color,
        netstat::{self, cli},
    };

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

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    // Where stderr can't be written there is nobody to tell.
    let _unwritten = writeln!(
        std::io::stderr(),
        "rnetstat: it reads Linux only: on Windows use rnetstat-trace --existing, or the system's netstat -ano"
    );
    ExitCode::FAILURE
}
