//! rnetstat's command line: checks the arguments and converts them to [`NetstatOptions`].

#[cfg(test)]
mod tests;

use clap::{ArgAction, Parser, Subcommand};

use super::options::{
    Families, Mode, NetstatOptions, Numeric, Roles, RouteOptions, SocketOptions, StatisticsOptions,
};
use crate::{
    args::{ColorArgs, SocketFilterArgs},
    netstat::explain::{ExplainArgs, Language},
};

const EXAMPLES: &str = "\
Examples:
  rnetstat -antp                          all TCP sockets, as numbers, with their processes
  rnetstat -tulpn                         who listens here
  rnetstat -ant --port 443 --state time-wait,close-wait
  rnetstat -ant --summary                 how many in which state, of whom, to whom
  rnetstat -rn                            routes; -i interfaces, -s counters
  rnetstat -antc --json                   every second, for a script
  rnetstat explain close-wait             what a state means, and what to do when it piles up

The columns are those of net-tools' netstat.
Exit status: 0 at the end, 1 if it could not do its job, 2 if it was called wrongly.";

/// Shows this host's sockets, routes, interfaces and counters, as netstat does.
#[derive(Debug, Parser)]
#[command(
    name = "rnetstat",
    version,
    after_help = EXAMPLES,
    max_term_width = 100,
    args_override_self = true,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    #[command(flatten)]
    mode: ModeArgs,
    #[command(flatten)]
    sockets: SocketArgs,
    #[command(flatten)]
    shown: ShownArgs,
    #[command(flatten)]
    filter: SocketFilterArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(ExplainArgs),
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Instead of sockets")]
struct ModeArgs {
    /// Routes (-6: IPv6's); -e and -ee show other columns
    #[arg(short = 'r', long)]
    route: bool,
    /// Network interfaces; with -a those that are down too
    #[arg(short = 'i', long)]
    interfaces: bool,
    /// The kernel's counters (-6: IPv6's); -t -u -w choose a protocol
    #[arg(short = 's', long)]
    statistics: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Sockets (default: connections of every kind)")]
struct SocketArgs {
    /// TCP
    #[arg(short = 't', long)]
    tcp: bool,
    /// UDP
    #[arg(short = 'u', long)]
    udp: bool,
    /// UDP-Lite
    #[arg(short = 'U', long)]
    udplite: bool,
    /// IP itself
    #[arg(short = 'w', long)]
    raw: bool,
    /// The host's own, without a network
    #[arg(short = 'x', long)]
    unix: bool,
    /// IPv4 sockets only
    #[arg(short = '4', long = "inet")]
    ipv4: bool,
    /// IPv6 sockets only (their packets may be IPv4: mapped addresses)
    #[arg(short = '6', long = "inet6")]
    ipv6: bool,
    /// Servers and connections
    #[arg(short = 'a', long)]
    all: bool,
    /// Only servers
    #[arg(short = 'l', long)]
    listening: bool,
    /// Sockets of all network namespaces, with a column for the namespace
    #[arg(long)]
    all_netns: bool,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
struct ShownArgs {
    /// Numbers instead of names
    #[arg(short = 'n', long)]
    numeric: bool,
    /// Numbers instead of hosts' names
    #[arg(long)]
    numeric_hosts: bool,
    /// Numbers instead of ports' names
    #[arg(long)]
    numeric_ports: bool,
    /// Numbers instead of users' names
    #[arg(long)]
    numeric_users: bool,
    /// The process that holds the socket: PID/Program name
    #[arg(short = 'p', long)]
    programs: bool,
    /// The socket's user and inode number
    #[arg(short = 'e', long, action = ArgAction::Count)]
    extend: u8,
    /// The socket's timer: which (seconds/segments sent again/probes)
    #[arg(short = 'o', long)]
    timers: bool,
    /// Nothing is cut off; with -p all processes that hold the socket
    #[arg(short = 'W', long, visible_short_alias = 'T')]
    wide: bool,
    /// Again every second
    #[arg(short = 'c', long)]
    continuous: bool,
    /// How many by state, by process, by remote address
    #[arg(long)]
    summary: bool,
    /// JSON Lines
    #[arg(long)]
    json: bool,
    /// Does nothing: for netstat's sake
    #[arg(short = 'v', long, hide = true)]
    verbose: bool,
    #[command(flatten)]
    color: ColorArgs,
}

/// The options that the arguments select. `color_by_default` is the value of `--color auto`; `environment` returns an
/// environment variable.
///
/// # Errors
/// A message that names the arguments that contradict each other.
pub fn options(
    cli: Cli,
    color_by_default: bool,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<NetstatOptions, String> {
    let Cli { mode, sockets, shown, filter, command } = cli;
    if let Some(Command::Explain(ExplainArgs { state, lang, json, color })) = command {
        let language = lang.unwrap_or_else(|| Language::of_environment(environment));
        let mode = Mode::Explain { state, language };
        let numeric = Numeric::default();
        return Ok(NetstatOptions {
            mode,
            numeric,
            continuous: false,
            json,
            color: color.decide(color_by_default),
        });
    }
    let families = match (sockets.ipv4, sockets.ipv6) {
        (false, false) => Families { ipv4: true, ipv6: true },
        (ipv4, ipv6) => Families { ipv4, ipv6 },
    };
    let numeric = Numeric {
        hosts: shown.numeric || shown.numeric_hosts,
        ports: shown.numeric || shown.numeric_ports,
        users: shown.numeric || shown.numeric_users,
    };
    let (continuous, json) = (shown.continuous, shown.json);
    let color = shown.color.decide(color_by_default);
    let filters_given = filter.is_given();
    let mode = match (mode.route, mode.interfaces, mode.statistics) {
        (false, false, false) => Mode::Sockets(Box::new(self::sockets(&sockets, &shown, families, filter)?)),
        (true, false, false) => {
            let ipv4 = sockets.ipv4 || !sockets.ipv6;
            let families = Families { ipv4, ipv6: sockets.ipv6 };
            Mode::Routes(RouteOptions { families, extended: shown.extend })
        }
        (false, true, false) => Mode::Interfaces(sockets.all),
        (false, false, true) => {
            let none = !(sockets.tcp || sockets.udp || sockets.udplite || sockets.raw);
            Mode::Statistics(StatisticsOptions {
                ipv6: sockets.ipv6,
                raw: sockets.raw || none,
                tcp: sockets.tcp || none,
                udp: sockets.udp || none,
            })
        }
        _ => return Err("'-r', '-i' and '-s' show different things: say one of them".to_owned()),
    };
    if filters_given && !matches!(mode, Mode::Sockets(_)) {
        return Err("filters are for sockets: leave them out with '-r', '-i' and '-s'".to_owned());
    }
    if shown.summary && !matches!(mode, Mode::Sockets(_)) {
        return Err("'--summary' counts sockets: leave it out with '-r', '-i' and '-s'".to_owned());
    }
    Ok(NetstatOptions { mode, numeric, continuous, json, color })
}

fn sockets(
    sockets: &SocketArgs,
    shown: &ShownArgs,
    families: Families,
    filter: SocketFilterArgs,
) -> Result<SocketOptions, String> {
    let SocketArgs { tcp, udp, udplite, raw, unix, ipv4, ipv6, all, listening, all_netns } = *sockets;
    let none = !(tcp || udp || udplite || raw);
    // As in netstat: -4 or -6 alone selects all protocols of the family, and no option at all selects everything.
    let internet = none && (ipv4 || ipv6 || !unix);
    let roles = match (all, listening) {
        (true, _) => Roles::All,
        (false, true) => Roles::Servers,
        (false, false) => Roles::Connections,
    };
    Ok(SocketOptions {
        tcp: tcp || internet,
        udp: udp || internet,
        udplite: udplite || internet,
        raw: raw || internet,
        unix: unix || (none && !ipv4 && !ipv6),
        families,
        roles,
        programs: shown.programs,
        extended: shown.extend > 0,
        timers: shown.timers,
        wide: shown.wide,
        all_netns,
        summary: shown.summary,
        filter: filter.into_filter()?,
    })
}
