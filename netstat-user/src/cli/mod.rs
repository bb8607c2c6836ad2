//! rnetstat-trace's command line: arguments to plain values, then to a [`TraceCommand`].

mod count;
mod doctor;
mod duration;
mod filter;
mod size;
mod source;
#[cfg(test)]
mod tests;
mod values;

use std::{ffi::OsString, num::NonZero, time::Duration};

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

pub use doctor::DoctorArgs;
pub use filter::FilterArgs;
pub use source::SourceArgs;

use crate::{
    args::{
        ColorArgs,
        value::{text, word},
    },
    default_sizes,
    options::{Format, TraceCommand, TraceOptions},
};

const EXAMPLES: &str = "\
Examples:
  rnetstat-trace                               every transition, until Ctrl-C
  rnetstat-trace -L 443 -s ESTABLISHED         who connects to port 443 here, and for how long
  rnetstat-trace -D 5432 --remote 10.0.0.0/8   connections to the databases in 10.0.0.0/8
  rnetstat-trace -s syn-sent,close -d 1m       one minute of connects and closes
  rnetstat-trace --comm nginx --existing       nginx's connections, beginning with those it has
  rnetstat-trace --cgroup /system.slice        what the host's services do
  rnetstat-trace --json -n 100 | jq .          the first 100, for a script
  rnetstat-trace doctor                        what can and can't be seen here, and what to do about it

Sees everything as root, or with CAP_BPF and CAP_PERFMON; else it polls /proc once a second. Rows go to stdout, everything else to stderr.
Exit status: 0 at the end, 1 if it could not trace, 2 if it was called wrongly.";

/// Streams every TCP state transition on this host as it happens.
#[derive(Debug, Parser)]
#[command(
    name = "rnetstat-trace",
    version,
    after_help = EXAMPLES,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do instead of tracing.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The format and content of the output.
    #[command(flatten)]
    pub output: OutputArgs,
    /// Which rows are shown.
    #[command(flatten)]
    pub filter: FilterArgs,
    /// When the trace stops.
    #[command(flatten)]
    pub limit: LimitArgs,
    /// Where the events come from.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// What to do instead of tracing.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what can and can't be seen on this host, and what to do about it
    Doctor(DoctorArgs),
}

/// The format and content of the output.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// line (the default) is for people, json (JSON Lines) and csv for programs
    #[arg(long, value_name = "line|json|csv", value_parser = word::<Format>("format", false))]
    pub format: Option<Format>,

    /// The same as --format json
    #[arg(long)]
    pub json: bool,

    /// Whether the output has colors.
    #[command(flatten)]
    pub color: ColorArgs,

    /// Begin with a row for each connection that is already open
    #[arg(long)]
    pub existing: bool,
}

/// When the trace stops without a signal.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "End")]
pub struct LimitArgs {
    /// Stop after this time: 10 (seconds), 500ms, 1m30s, 2h
    #[arg(short, long, value_name = "TIME", allow_hyphen_values = true, value_parser = text(duration::parse))]
    pub duration: Option<Duration>,

    /// Stop after N rows
    #[arg(short = 'n', long, value_name = "N", allow_hyphen_values = true, value_parser = text(count::parse_rows))]
    pub count: Option<u64>,
}

/// The command that the arguments select, with its options.
///
/// `color_by_default` decides for `--color auto`. `memory_limit` reads the limit of this process's memory, bytes, which decides
/// on sizes that are not given. It is called for a trace only.
///
/// # Errors
/// What is wrong with the arguments, or the text of `--help` and `--version`: for [`clap::Error::exit`],
/// which knows the stream and the exit code.
pub fn parse<I, A>(
    arguments: I,
    color_by_default: bool,
    memory_limit: impl FnOnce() -> Option<u64>,
) -> Result<TraceCommand, clap::Error>
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    let cli = Cli::try_parse_from(arguments)?;
    if let Some(Command::Doctor(args)) = &cli.command {
        return Ok(TraceCommand::Doctor(args.options(color_by_default)));
    }
    trace_options(cli, color_by_default, memory_limit())
        .map(|options| TraceCommand::Trace(Box::new(options)))
        .map_err(|error| Cli::command().error(ErrorKind::ArgumentConflict, error))
}

/// The options of a trace.
///
/// # Errors
/// One line that names the arguments that contradict each other.
fn trace_options(
    cli: Cli,
    color_by_default: bool,
    memory_limit: Option<u64>,
) -> Result<TraceOptions, String> {
    let Cli { command: _, output, filter, limit, source } = cli;
    let OutputArgs { format, json, color, existing } = output;
    let format = match (json, format) {
        (true, Some(format)) if format != Format::Json => {
            return Err("'--json' and another '--format' contradict each other: leave one out".to_owned());
        }
        (true, _) => Format::Json,
        (false, format) => format.unwrap_or_default(),
    };
    let LimitArgs { duration, count } = limit;
    let choice = source.choice();
    let SourceArgs {
        source: _,
        interval,
        proc_root,
        ring_size,
        table_size,
        verbose,
        reconcile_interval,
        state_hook,
        minisock_hook,
    } = source;
    Ok(TraceOptions {
        format,
        color: color.decide(color_by_default),
        filter: filter.into_filter()?,
        filter_may_change: false,
        duration,
        count,
        source: choice,
        poll_interval: interval,
        proc_root,
        verbose,
        ring_bytes: ring_size,
        memory_limit,
        state_hook,
        minisock_hook,
        existing,
        table_size: table_size.map_or_else(|| default_sizes::table_size(memory_limit), NonZero::get),
        reconcile_interval,
    })
}
