//! The project's tasks, one module each: `cargo xtask` lists them.

#[cfg(target_os = "linux")]
mod bench;
mod cargo;
#[cfg(target_os = "linux")]
mod dist;
mod ebpf;
#[cfg(target_os = "linux")]
mod fuzz;
#[cfg(target_os = "linux")]
mod kernels;
mod privilege;
mod process;
mod run;
mod test;
#[cfg(test)]
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  cargo xtask run -- --port 443          stream the transitions of HTTPS connections
  cargo xtask run -- --json --count 10   ten transitions as JSON Lines
  cargo xtask test                       every test that can run here
  cargo xtask test -- --list             arguments after -- go to the test programs
  cargo xtask ebpf                       rebuild the eBPF object
  cargo xtask kernels --kernel 5.10      the integration tests on Debian 11's kernel
  cargo xtask fuzz btf --seconds 600     one fuzz target, for ten minutes
  cargo xtask bench churn-1 --rounds 3   the costs of tracing on a core that opens connections";

/// The tasks of the project rnetstat-trace.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build rnetstat-trace and run it as root
    Run(run::Args),
    /// Build the binaries and run every test that can run here
    Test(test::Args),
    /// Rebuild the eBPF object that is committed in netstat-ebpf/object
    Ebpf(ebpf::Args),
    /// Measure the costs of the tracer and of its peers
    #[cfg(target_os = "linux")]
    Bench(bench::Args),
    /// Hold connections for the benchmark
    #[cfg(target_os = "linux")]
    #[command(hide = true)]
    Hold(bench::HoldArgs),
    /// Give the parsers inputs that libFuzzer makes
    #[cfg(target_os = "linux")]
    Fuzz(fuzz::Args),
    /// Run the integration tests on several kernels, in emulated guests
    #[cfg(target_os = "linux")]
    Kernels(kernels::Args),
    /// Build programs that need nothing installed, run each on its kind of system, and pack them
    #[cfg(target_os = "linux")]
    Dist(dist::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Run(args) => run::run(&args),
        Task::Test(args) => test::test(&args),
        Task::Ebpf(args) => ebpf::ebpf(&args),
        #[cfg(target_os = "linux")]
        Task::Bench(args) => bench::bench(&args),
        #[cfg(target_os = "linux")]
        Task::Hold(args) => bench::hold(&args),
        #[cfg(target_os = "linux")]
        Task::Fuzz(args) => fuzz::fuzz(&args),
        #[cfg(target_os = "linux")]
        Task::Kernels(args) => kernels::kernels(&args),
        #[cfg(target_os = "linux")]
        Task::Dist(args) => dist::dist(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
