//! `cargo xtask bench`: measures the costs of the tracer and of its peers in one run.

mod baseline;
mod bpf_stats;
mod churn;
mod contender;
mod idle;
mod idle_connections;
mod json_trace;
mod latency;
mod lister;
mod load;
mod memory;
mod netstat;
mod poll;
mod report;
mod setup;
mod snapshot;
mod start;
mod steady;
mod tracefs;
mod usage;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use self::{report::Report, setup::Bench};
use crate::{cargo, privilege::Root};

#[derive(clap::Args)]
pub struct Args {
    /// What to measure; everything if nothing is named
    names: Vec<Name>,
    /// How often to measure each figure
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// The file to which the figures are written as JSON
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Connections/s as a percentage of the untraced rate, one core of load
    #[value(name = "churn-1")]
    ChurnOne,
    /// The same, two cores of load
    #[value(name = "churn-2")]
    ChurnTwo,
    /// Nanoseconds a transition in the kernel
    Kernel,
    /// CPU microseconds a transition in user space
    User,
    /// Requests/s as a percentage of the untraced rate, on connections that stay open
    Steady,
    /// Wakeups and CPU time while no connection changes
    Idle,
    /// From the kernel's timestamp to the line on stdout
    Latency,
    /// From exec to the attachment of all hooks
    Start,
    /// Seeding the table with 50,000 sockets
    Snapshot,
    /// A poll of the proc source at 50,000 sockets
    Poll,
    /// rnetstat with 50,000 sockets
    Netstat,
    /// Resident memory with 100,000 connections
    Memory,
}

/// Arguments of the hidden subcommand that holds connections.
#[derive(clap::Args)]
pub struct HoldArgs {
    port_number: usize,
    connections: usize,
}

/// Holds connections until stdin ends.
pub fn hold(args: &HoldArgs) -> Result<ExitCode> {
    idle_connections::hold(args.port_number, args.connections)?;
    Ok(ExitCode::SUCCESS)
}

/// Measures, prints the figures and writes them.
pub fn bench(args: &Args) -> Result<ExitCode> {
    if !matches!(Root::find(), Root::Already) {
        bail!("the benchmark loads programs into the kernel: run it as root");
    }
    let bench = Bench::new(args.rounds, cargo::build_tracer()?);
    let names = if args.names.is_empty() { Name::value_variants() } else { &args.names };
    let mut report = Report::default();
    for name in names {
        let value = name.to_possible_value().context("a benchmark without a name")?;
        eprintln!("measuring {} …", value.get_name());
        report.begin(value.get_name());
        match name {
            Name::ChurnOne => churn::measure_rate(&bench, 1, &mut report)?,
            Name::ChurnTwo => churn::measure_rate(&bench, 2, &mut report)?,
            Name::Kernel => churn::measure_kernel(&bench, &mut report)?,
            Name::User => churn::measure_user(&bench, &mut report)?,
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
    report.write(&args.json).with_context(|| format!("cannot write {}", args.json.display()))?;
    Ok(ExitCode::SUCCESS)
}
