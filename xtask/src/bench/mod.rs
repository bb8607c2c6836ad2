//! `cargo xtask bench`: what the tracer costs, beside its peers, in one run.

mod churn;
mod crowd;
mod fdinfo;
mod floor;
mod idle;
mod latency;
mod lister;
mod load;
mod memory;
mod netstat;
mod oracle;
mod ours;
mod poll;
mod report;
mod snapshot;
mod start;
mod stats;
mod steady;
mod subject;

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;

use self::{report::Report, subject::Subject};
use crate::{cargo, privilege::Root};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Args {
    /// What to measure; everything if nothing is named
    names: Vec<Name>,
    /// How often each figure is taken
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Where the figures go as JSON
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Connections/s kept of the untraced rate, one core of churn
    #[value(name = "churn-1")]
    ChurnOne,
    /// The same, every core of churn
    #[value(name = "churn-2")]
    ChurnTwo,
    /// Nanoseconds a transition in the kernel
    Kernel,
    /// CPU a transition in user space
    User,
    /// Requests/s kept on connections that stay
    Steady,
    /// Wakeups and CPU with nothing to do
    Idle,
    /// From the kernel's time stamp to the line on stdout
    Latency,
    /// From exec to the first event possible
    Start,
    /// Seeding the table with 50,000 sockets
    Snapshot,
    /// A look of the proc source at 50,000 sockets
    Poll,
    /// rnetstat with 50,000 sockets
    Netstat,
    /// Resident memory with 100,000 connections
    Memory,
}

/// Arguments of the hidden chore that holds connections.
#[derive(clap::Args)]
pub struct HoldArgs {
    number: usize,
    connections: usize,
}

/// Holds connections until stdin ends.
pub fn hold(args: &HoldArgs) -> Result<ExitCode> {
    crowd::hold(args.number, args.connections)?;
    Ok(ExitCode::SUCCESS)
}

/// What every bench gets.
struct Bench {
    rounds: u16,
    /// Who is compared.
    subjects: Vec<Subject>,
    /// The tracer's path.
    tracer: PathBuf,
}

/// Measures what was asked for, prints it and writes it down.
pub fn bench(args: &Args) -> Result<ExitCode> {
    if !matches!(Root::find(), Root::Already) {
        bail!("the benchmark loads programs into the kernel: run it as root");
    }
    let tracer = build()?;
    let bench = Bench { rounds: args.rounds, subjects: subject::all(&tracer), tracer };
    let names = if args.names.is_empty() { Name::value_variants() } else { &args.names };
    let mut report = Report::default();
    for name in names {
        let value = name.to_possible_value().context("a bench without a name")?;
        eprintln!("measuring {} …", value.get_name());
        match name {
            Name::ChurnOne => churn::rate(&bench, 1, &mut report)?,
            Name::ChurnTwo => churn::rate(&bench, 2, &mut report)?,
            Name::Kernel => churn::kernel(&bench, &mut report)?,
            Name::User => churn::user(&bench, &mut report)?,
            Name::Steady => steady::measure(&bench, &mut report)?,
            Name::Idle => idle::measure(&bench, &mut report)?,
            Name::Latency => latency::measure(&bench, &mut report)?,
            Name::Start => start::measure(&bench, &mut report)?,
            Name::Snapshot => snapshot::measure(&bench, &mut report)?,
            Name::Poll => poll::measure(&bench, &mut report)?,
            Name::Netstat => netstat::measure(&bench, &mut report)?,
            Name::Memory => memory::measure(&bench, &mut report)?,
        }
    }
    report.write(&args.json).with_context(|| format!("writing {}", args.json.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn build() -> Result<PathBuf> {
    let mut build = cargo::command("build")?;
    build.args(["--release", "--package", "netstat-user", "--bins"]);
    let programs = cargo::programs(build)?;
    let tracer = programs.into_iter().find(|program| program.name == "rnetstat-trace");
    Ok(tracer.context("cargo built no rnetstat-trace")?.path)
}

/// Runs a command to its end and gives its output.
fn output(command: &mut Command) -> Result<Vec<u8>> {
    let name = command.get_program().to_owned();
    let output = command.output().with_context(|| format!("running {}", name.display()))?;
    ensure!(output.status.success(), "{} ended with {}", name.display(), output.status);
    Ok(output.stdout)
}
