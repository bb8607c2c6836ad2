//! rnetstat-trace's filter options, and the filter that they make.

use clap::{
    Arg,
    builder::{OsStringValueParser, TypedValueParser as _},
};

use crate::{
    args::{SocketFilterArgs, cgroup, netns, value::text},
    filter::{FamilyFilter, Filter},
    model::Family,
};

/// The filter options of rnetstat-trace.
#[derive(Debug, Default, clap::Args)]
#[command(
    next_help_heading = "Filters (all have to match; of the values of one, any)",
    mut_args = for_transitions
)]
pub struct FilterArgs {
    /// IPv4 only (IPv4-mapped IPv6 is IPv4)
    #[arg(short = '4', conflicts_with = "ipv6")]
    ipv4: bool,

    /// IPv6 only
    #[arg(short = '6')]
    ipv6: bool,

    #[command(flatten)]
    socket: SocketFilterArgs,

    /// The socket's network namespace, by inode number or by ip netns' name
    #[arg(long, value_name = "INUM|NAME", value_delimiter = ',', value_parser = text(netns::parse))]
    netns: Vec<u32>,

    /// The socket's cgroup, with what is below it: /system.slice/nginx.service
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().try_map(|path| cgroup::parse(&path)))]
    cgroup: Vec<Vec<u8>>,
}

/// Gives the shared options rnetstat-trace's letters, of which `-L` and `-D` are those of bcc's tcpstates.
fn for_transitions(option: Arg) -> Arg {
    match option.get_id().as_str() {
        "local_port" => option.short('L'),
        "remote_port" => option.short('D'),
        "state" => option
            .short('s')
            .help("From or to this state, by any netstat's name: SYN_SENT, time-wait, LISTENING"),
        "pid" => option.short('p'),
        "user" => option.short('u'),
        _ => option,
    }
}

impl FilterArgs {
    /// The filter that the options make.
    ///
    /// # Errors
    /// One line, if no row can ever match.
    pub fn into_filter(self) -> Result<Filter, String> {
        let Self { ipv4, ipv6, socket, netns, cgroup } = self;
        let family = match (ipv4, ipv6) {
            (true, false) => Some(Family::Ipv4),
            (false, true) => Some(Family::Ipv6),
            _ => None,
        };
        let filter = Filter {
            family: FamilyFilter(family),
            netns: netns.into_iter().collect(),
            cgroups: cgroup.into_iter().collect(),
            ..socket.unchecked()
        };
        filter.check()?;
        Ok(filter)
    }
}
