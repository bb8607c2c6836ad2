//! `rnetstat-trace`: arguments, run, exit code.

use std::{convert::Infallible, io::Write as _, process::ExitCode};

use anyhow::Result;
use netstat_user::{
    agent, cli,
    console::stdout_has_color,
    doctor,
    options::{TraceCommand, TraceOptions},
    signals,
    source::{self, Chosen},
};

/// A polling source takes no snapshots beside its events.
const NO_SNAPSHOTS: Option<Infallible> = None;

fn main() -> ExitCode {
    let outcome = match cli::parse(std::env::args_os(), stdout_has_color()) {
        Ok(TraceCommand::Trace(options)) => run(&options).map(|()| true),
        Ok(TraceCommand::Doctor(options)) => doctor::run(options),
        Err(error) => error.exit(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        // The doctor has said why.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Where stderr can't be written there is nobody to tell.
            let _unwritten = writeln!(std::io::stderr(), "rnetstat-trace: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &TraceOptions) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let stop = signals::stop()?;
        let chosen = source::start(options)?;
        // Before anything that comes from outside is looked at, and before the threads that write.
        give_up_privileges(&chosen)?;
        match chosen {
            #[cfg(target_os = "linux")]
            Chosen::Ebpf(source, snapshots) => agent::run(options, *source, snapshots, stop).await,
            #[cfg(target_os = "linux")]
            Chosen::Proc(source) => agent::run(options, *source, NO_SNAPSHOTS, stop).await,
            #[cfg(windows)]
            Chosen::Windows(source) => agent::run(options, *source, NO_SNAPSHOTS, stop).await,
        }
    });
    // A thread may be stuck in a write to a reader that has stopped.
    runtime.shutdown_background();
    result
}

#[cfg(target_os = "linux")]
fn give_up_privileges(chosen: &Chosen) -> Result<()> {
    use anyhow::Context as _;
    use netstat_user::{cgroup, privilege};

    privilege::keep_only(chosen.privileges() | cgroup::PRIVILEGES).context("can't give up privileges")
}

/// Looking at Windows' table has needed none.
#[cfg(windows)]
fn give_up_privileges(_: &Chosen) -> Result<()> {
    Ok(())
}
