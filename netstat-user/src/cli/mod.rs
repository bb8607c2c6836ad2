//! rnetstat-trace's command line: arguments to plain values, then to a [`Config`].

mod duration;
mod filter;
#[cfg(test)]
mod tests;

use std::{ffi::OsString, time::Duration};

use clap::{ColorChoice, CommandFactory, Parser, error::ErrorKind};
use netstat_ebpf::wire;

pub use filter::FilterArgs;

use crate::config::{Config, Format, SourceChoice, StateHook};

const EXAMPLES: &str = "\
Examples:
  rnetstat-trace                               every transition, until Ctrl-C
  rnetstat-trace -L 443 -s ESTABLISHED         who connects to port 443 here, and for how long
  rnetstat-trace -D 5432 --remote 10.0.0.0/8   connections to the databases in 10.0.0.0/8
  rnetstat-trace -s syn-sent,close -d 1m       one minute of attempts and ends
  rnetstat-trace --json -n 100 | jq .          the first 100, for a script

Needs root, or CAP_BPF and CAP_PERFMON. Rows go to stdout, everything else to stderr.
Exit status: 0 at the end, 1 if it could not trace, 2 if it was called wrongly.";

/// Streams every TCP state transition on this host as it happens.
#[derive(Debug, Parser)]
#[command(name = "rnetstat-trace", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What it prints.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Which rows.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// When it stops.
    #[command(flatten)]
    pub limit: LimitArgs,
    /// Where the events come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// What it prints.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// line (the default) is for people, json (JSON Lines) and csv for programs
    #[arg(long, value_enum, hide_possible_values = true, value_name = "line|json|csv")]
    pub format: Option<Format>,

    /// The same as --format json
    #[arg(long)]
    pub json: bool,

    /// Colours; auto (the default): on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    pub color: ColorChoice,
}

/// When it stops by itself.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "End")]
pub struct LimitArgs {
    /// Stop after this time: 10 (seconds), 500ms, 1m30s, 2h
    #[arg(short, long, value_name = "TIME", value_parser = duration::parse)]
    pub duration: Option<Duration>,

    /// Stop after N rows
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
}

/// Where the events come from.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Source")]
pub struct SourceArgs {
    /// Where the events come from; auto (the default) takes the best that works
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "auto|ebpf"
    )]
    pub source: SourceChoice,

    /// Diagnostics on stderr, the kernel side's too
    #[arg(short, long)]
    pub verbose: bool,

    /// Size of the kernel's ring buffer, bytes: a power of two, at least a page.
    #[arg(long, hide = true, value_name = "BYTES", default_value_t = wire::RING_BYTES, value_parser = parse_ring_bytes)]
    pub ring_bytes: u32,

    /// Which hook sees the transitions.
    #[arg(long, hide = true, value_enum, default_value_t)]
    pub state_hook: StateHook,
}

/// The configuration that the arguments ask for.
///
/// `color_by_default` decides for `--color auto`.
///
/// # Errors
/// What is wrong with the arguments, or the text of `--help` and `--version`: for [`clap::Error::exit`],
/// which knows the stream and the exit code.
pub fn parse<I, A>(arguments: I, color_by_default: bool) -> Result<Config, clap::Error>
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    let cli = Cli::try_parse_from(arguments)?;
    Config::from_cli(cli, color_by_default)
        .map_err(|error| Cli::command().error(ErrorKind::ArgumentConflict, error))
}

fn parse_ring_bytes(text: &str) -> Result<u32, String> {
    const PAGE: u32 = 4096;
    text.parse()
        .ok()
        .filter(|bytes: &u32| bytes.is_power_of_two() && *bytes >= PAGE)
        .ok_or_else(|| format!("{text:?} is no ring size: say a power of two from {PAGE} to {}", 1_u32 << 31))
}
