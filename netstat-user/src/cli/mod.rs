//! rnetstat-trace's command line: arguments to plain values, then to a [`Config`].

mod cgroup;
mod duration;
mod filter;
mod netns;
mod size;
mod source;
#[cfg(test)]
mod tests;
pub(crate) mod user;

use std::{ffi::OsString, time::Duration};

use clap::{ColorChoice, CommandFactory, Parser, error::ErrorKind};

pub use filter::FilterArgs;
pub use source::SourceArgs;

use crate::config::{Config, Format};

const EXAMPLES: &str = "\
Examples:
  rnetstat-trace                               every transition, until Ctrl-C
  rnetstat-trace -L 443 -s ESTABLISHED         who connects to port 443 here, and for how long
  rnetstat-trace -D 5432 --remote 10.0.0.0/8   connections to the databases in 10.0.0.0/8
  rnetstat-trace -s syn-sent,close -d 1m       one minute of attempts and ends
  rnetstat-trace --comm nginx --existing       nginx's connections, beginning with those it has
  rnetstat-trace --cgroup /system.slice        what the host's services do
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

    /// Begin with a row for each connection that was already there
    #[arg(long)]
    pub existing: bool,
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
