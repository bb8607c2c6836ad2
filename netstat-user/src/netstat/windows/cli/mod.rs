//! rnetstat's command line on Windows: arguments, parsed to plain values and converted to [`NetstatOptions`].

#[cfg(test)]
mod tests;

use std::time::Duration;

use clap::{Parser, Subcommand};

use super::{
    locale,
    options::{CounterOptions, Mode, NetstatOptions, Protocol, SocketOptions},
};
use crate::{
    args::{
        ColorArgs, SocketFilterArgs,
        value::{text, word},
    },
    netstat::explain::{ExplainArgs, Language},
};

const EXAMPLES: &str = "\
Examples:
  rnetstat -ano                           all sockets, as numbers, with their process ids
  rnetstat -an -p TCP 5                   all TCP sockets over IPv4, every 5 seconds
  rnetstat -ano --port 443 --state time-wait,close-wait
  rnetstat -an --summary                  counts by state, by process and by remote address
  rnetstat -r                             interfaces and routes; -e, -s: counters
  rnetstat -ano --json                    JSON Lines for a script
  rnetstat explain close-wait             what a state means, and what to do when it piles up

The columns are those of Windows' netstat.
Exit status: 0 for success, 1 for a failure, 2 for wrong usage.";

/// Shows this host's sockets, routes and counters, as Windows' netstat does.
#[derive(Debug, Parser)]
#[command(
    name = "rnetstat",
    version,
    after_help = EXAMPLES,
    max_term_width = 100,
    // Windows' socket tables contain no users.
    mut_arg("user", |user| user.hide(true)),
    args_override_self = true,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Repeat after this many seconds, until Ctrl-C
    #[arg(value_name = "INTERVAL", value_parser = text(parse_interval))]
    interval: Option<u64>,
    #[command(flatten)]
    mode: ModeArgs,
    #[command(flatten)]
    shown: ShownArgs,
    #[command(flatten)]
    filter: SocketFilterArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Parses how many seconds are between two repetitions.
fn parse_interval(text: &str) -> Result<u64, String> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = text.parse().ok().filter(|seconds| is_number && *seconds > 0);
    seconds.ok_or_else(|| format!("{text:?} is no interval: say a number of seconds from 1 on, like 5"))
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(ExplainArgs),
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Instead of sockets")]
struct ModeArgs {
    /// Interfaces and routes
    #[arg(short = 'r')]
    routes: bool,
    /// Counters by protocol
    #[arg(short = 's')]
    statistics: bool,
    /// Counters of all interfaces together; may be combined with -s
    #[arg(short = 'e')]
    ethernet: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sockets (default: TCP connections)")]
struct ShownArgs {
    /// Also listeners and UDP sockets
    #[arg(short = 'a')]
    all: bool,
    /// Numbers instead of names
    #[arg(short = 'n')]
    numeric: bool,
    /// Fully qualified names of remote hosts
    #[arg(short = 'f')]
    full_names: bool,
    /// The id of the process that holds the socket
    #[arg(short = 'o')]
    owners: bool,
    /// One protocol: TCP, TCPv6, UDP, UDPv6; with -s also IP, IPv6, ICMP, ICMPv6
    #[arg(short = 'p', value_name = "PROTO", value_parser = word::<Protocol>("protocol", true))]
    protocol: Option<Protocol>,
    /// The number of sockets by state, by process and by remote address
    #[arg(long)]
    summary: bool,
    /// JSON Lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    color: ColorArgs,
}

/// Converts the parsed arguments. `color_by_default` decides for `--color auto`, `environment` returns the value of an
/// environment variable.
///
/// # Errors
/// A message that names the arguments that contradict each other.
pub fn options(
    cli: Cli,
    color_by_default: bool,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<NetstatOptions, String> {
    let Cli { mode, shown, filter, interval, command } = cli;
    if let Some(Command::Explain(ExplainArgs { state, lang, json, color })) = command {
        // Windows doesn't set LANG, so the user's locale takes its place.
        let variable = |name: &str| environment(name).or_else(|| locale::user().filter(|_| name == "LANG"));
        let language = lang.unwrap_or_else(|| Language::of_environment(variable));
        let mode = Mode::Explain { state, language };
        return Ok(NetstatOptions { mode, interval: None, json, color: color.decide(color_by_default) });
    }
    let ModeArgs { routes, statistics, ethernet } = mode;
    let ShownArgs { all, numeric, full_names, owners, protocol, summary, json, color } = shown;
    let is_sockets = !(routes || statistics || ethernet);
    if !is_sockets && (summary || filter.is_given()) {
        return Err(
            "filters and '--summary' apply to sockets: leave them out with '-r', '-s' and '-e'".to_owned()
        );
    }
    if routes && (statistics || ethernet) {
        return Err("'-r' shows no counters: leave it out with '-s' and '-e'".to_owned());
    }
    if protocol.is_some() && !is_sockets && !statistics {
        return Err(
            "'-p' selects sockets, and counters with '-s': leave it out with '-r' and '-e'".to_owned()
        );
    }
    let mode = if routes {
        Mode::Routes
    } else if is_sockets {
        let protocol = match protocol.map(|protocol| (protocol, protocol.sockets())) {
            Some((protocol, None)) => {
                let protocol = protocol.name();
                return Err(format!(
                    "'-p {protocol}' has no sockets: use TCP, TCPv6, UDP or UDPv6, or '-s' for its counters"
                ));
            }
            protocol => protocol.and_then(|(_, sockets)| sockets),
        };
        let filter = filter.into_filter()?;
        let sockets = SocketOptions { all, numeric, full_names, owners, protocol, summary, filter };
        Mode::Sockets(Box::new(sockets))
    } else {
        Mode::Counters(CounterOptions { interfaces: ethernet, statistics, protocol })
    };
    Ok(NetstatOptions {
        mode,
        interval: interval.map(Duration::from_secs),
        json,
        color: color.decide(color_by_default),
    })
}
