//! The filter options that both programs have.

use std::{ffi::OsStr, ops::RangeInclusive, str::FromStr as _};

use clap::builder::{OsStringValueParser, TypedValueParser as _};

use super::{name, user, value::text};
use crate::{
    filter::{ByEndpoint, Filter, Network, OwnerFilter, parse_comm, parse_network, parse_pid, parse_ports},
    model::State,
};

/// The filter options that both programs have, in their long forms: rnetstat's letters are netstat's.
#[derive(Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Filters (all have to match; of the values of one, any)")]
pub struct SocketFilterArgs {
    /// Local port: 443, 80,443, 8000-8999
    #[arg(long, value_name = "PORT", allow_hyphen_values = true, value_delimiter = ',', value_parser = text(parse_ports))]
    local_port: Vec<RangeInclusive<u16>>,

    /// Remote port
    #[arg(long, value_name = "PORT", allow_hyphen_values = true, value_delimiter = ',', value_parser = text(parse_ports))]
    remote_port: Vec<RangeInclusive<u16>>,

    /// Local or remote port
    #[arg(long, value_name = "PORT", allow_hyphen_values = true, value_delimiter = ',', value_parser = text(parse_ports))]
    port: Vec<RangeInclusive<u16>>,

    /// Local address or network: 10.0.0.5, 10.0.0.0/8, ::1, fe80::1%eth0
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = text(parse_network))]
    local: Vec<Network>,

    /// Remote address or network
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = text(parse_network))]
    remote: Vec<Network>,

    /// Local or remote address or network
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = text(parse_network))]
    addr: Vec<Network>,

    /// State, by any netstat's name: SYN_SENT, time-wait, LISTENING
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = text(State::from_str))]
    state: Vec<State>,

    /// A process that holds the socket
    #[arg(long, value_name = "PID", allow_hyphen_values = true, value_delimiter = ',', value_parser = text(parse_pid))]
    pid: Vec<u32>,

    /// The exact name of such a process; only the first 15 bytes count, the kernel keeps no more
    #[arg(long, value_name = "NAME", value_parser = OsStringValueParser::new().try_map(|names| comms(&names)))]
    comm: Vec<Comms>,

    /// The socket's user
    #[arg(long, value_name = "NAME|UID", value_delimiter = ',', value_parser = text(user::parse))]
    user: Vec<u32>,
}

/// The names in one argument.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Comms(Vec<Vec<u8>>);

/// Names with commas between them. As a name may have a comma, the whole argument is a name too.
fn comms(argument: &OsStr) -> Result<Comms, String> {
    let parts = argument.as_encoded_bytes().split(|byte| *byte == b',');
    let mut names = parts.map(|part| parse_comm(name::bytes(part))).collect::<Result<Vec<_>, _>>()?;
    if names.len() > 1 {
        names.push(name::bytes(argument.as_encoded_bytes()));
    }
    Ok(Comms(names))
}

impl SocketFilterArgs {
    /// Whether any of the options was given.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    /// The filter that the options make.
    ///
    /// # Errors
    /// One line, if no row can ever match.
    pub fn into_filter(self) -> Result<Filter, String> {
        let filter = self.unchecked();
        filter.check()?;
        Ok(filter)
    }

    /// The filter, not yet checked for options that exclude each other.
    pub(crate) fn unchecked(self) -> Filter {
        let Self { local_port, remote_port, port, local, remote, addr, state, pid, comm, user } = self;
        Filter {
            ports: ByEndpoint::new(local_port, remote_port, port),
            addresses: ByEndpoint::new(local, remote, addr),
            states: state.into_iter().collect(),
            owner: OwnerFilter::new(pid, comm.into_iter().flat_map(|Comms(names)| names).collect(), user),
            ..Filter::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_comma_is_a_list_and_a_name() {
        for (argument, expected) in [
            ("nginx", &["nginx"][..]),
            ("nginx,apache2", &["nginx", "apache2", "nginx,apache2"]),
            ("x\u{efff}y", &["x\u{efff}y"]),
        ] {
            let expected: Vec<Vec<u8>> =
                expected.iter().map(|name| netstat_events::text::to_bytes(name)).collect();
            assert_eq!(comms(argument.as_ref()), Ok(Comms(expected)), "{argument:?}");
        }
        for argument in ["", ",", "nginx,", "a,,b"] {
            assert!(comms(argument.as_ref()).unwrap_err().contains("is no process name"), "{argument:?}");
        }
    }
}
