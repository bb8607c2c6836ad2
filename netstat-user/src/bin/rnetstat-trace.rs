//! `rnetstat-trace`: arguments, run, exit code.

use std::{convert::Infallible, process::ExitCode};

use anyhow::{Context as _, Error, Result, anyhow};
use netstat_user::{
    agent::{self, Command},
    args::usage,
    cli,
    console::stdout_has_color,
    doctor, failure, format,
    options::{TraceCommand, TraceOptions},
    output::{Output, StreamOptions, StreamOutput, Target},
    signals,
    source::{self, Chosen},
    standard_streams,
};

/// A polling source takes no snapshots beside its events.
const NO_SNAPSHOTS: Option<Infallible> = None;

#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: netstat_user::out_of_memory::Allocator =
    netstat_user::out_of_memory::Allocator { prefix: "rnetstat-trace:" };

fn main() -> ExitCode {
    failure::guard("rnetstat-trace", execute)
}

fn execute() -> ExitCode {
    standard_streams::ignore_file_size_signal();
    #[cfg(target_os = "linux")]
    netstat_user::open_files::raise();
    let outcome = match cli::parse(std::env::args_os(), stdout_has_color(), memory_limit) {
        Ok(TraceCommand::Trace(options)) => run(&options).map(|()| true),
        Ok(TraceCommand::Doctor(options)) => doctor::run(options),
        Err(error) => return usage::report("rnetstat-trace", &error),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        // The doctor has said why.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            standard_streams::write_stderr(&format!("rnetstat-trace: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// The limit of this process's memory, bytes.
fn memory_limit() -> Option<u64> {
    #[cfg(target_os = "linux")]
    return netstat_user::readers::memory_limit::own();
    #[cfg(not(target_os = "linux"))]
    None
}

fn run(options: &TraceOptions) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| anyhow!(explained(&Error::new(error).context("can't start the event loop"))))?;
    let result = runtime.block_on(async {
        let stop = signals::stop().context("can't catch signals")?;
        let (commands, receiver) = agent::commands();
        tokio::spawn(async move {
            stop.await;
            commands.send(Command::Quit);
        });
        let chosen = source::start(options)?;
        // Before the program reads data that other users control, and before the threads that write start.
        give_up_privileges(&chosen)?;
        let outputs = vec![stream(options)];
        match chosen {
            #[cfg(target_os = "linux")]
            Chosen::Ebpf(source, snapshots) => {
                agent::run(options, *source, snapshots, outputs, receiver).await
            }
            #[cfg(target_os = "linux")]
            Chosen::Proc(source) => agent::run(options, *source, NO_SNAPSHOTS, outputs, receiver).await,
            #[cfg(windows)]
            Chosen::Windows(source) => agent::run(options, *source, NO_SNAPSHOTS, outputs, receiver).await,
        }
    });
    // A thread may be stuck in a write to a reader that has stopped.
    runtime.shutdown_background();
    result.map(drop)
}

/// The error's text, with what to do about it where that is known.
fn explained(error: &Error) -> String {
    #[cfg(target_os = "linux")]
    return netstat_user::readers::errors::explain(error);
    #[cfg(not(target_os = "linux"))]
    format!("{error:#}")
}

/// The stream of rows to stdout.
fn stream(options: &TraceOptions) -> Box<dyn Output> {
    let formatter = format::new(options.format, options.color);
    let stream = StreamOptions { existing: options.existing, count: options.count };
    Box::new(StreamOutput::new(formatter, Target::Stdout, stream))
}

#[cfg(target_os = "linux")]
fn give_up_privileges(chosen: &Chosen) -> Result<()> {
    use netstat_user::{cgroup, privilege};

    privilege::keep_only(chosen.privileges() | cgroup::PRIVILEGES).context("can't give up privileges")
}

/// Windows' table needs no privilege.
#[cfg(windows)]
fn give_up_privileges(_: &Chosen) -> Result<()> {
    Ok(())
}
