//! `rnetstat`: arguments, run, exit code.

use std::process::ExitCode;

use netstat_user::{args::usage, console::stdout_has_color, failure, netstat, standard_streams};

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: netstat_user::out_of_memory::Allocator =
    netstat_user::out_of_memory::Allocator { prefix: "rnetstat:" };

fn main() -> ExitCode {
    failure::guard("rnetstat", run)
}

fn run() -> ExitCode {
    standard_streams::ignore_file_size_signal();
    let variable = |name: &str| std::env::var(name).ok();
    let options = match netstat::parse(std::env::args_os(), stdout_has_color(), variable) {
        Ok(options) => options,
        Err(error) => return usage::report("rnetstat", &error),
    };
    match netstat::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            standard_streams::write_stderr(&format!("rnetstat: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
