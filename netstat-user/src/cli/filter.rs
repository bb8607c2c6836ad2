//! The options that choose rows, and the filter that they make.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::{
    args::{cgroup, netns, user},
    filter::{ByEnd, FamilyFilter, Filter, OwnerFilter, parse_comm, parse_network, parse_pid, parse_ports},
    model::{Family, State},
};

/// The options that choose rows.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Filters (all have to match; of the values of one, any)")]
pub struct FilterArgs {
    /// IPv4 only (IPv4-mapped IPv6 is IPv4)
    #[arg(short = '4', conflicts_with = "ipv6")]
    pub ipv4: bool,

    /// IPv6 only
    #[arg(short = '6')]
    pub ipv6: bool,

    /// Port of this end: 443, 80,443, 8000-8999
    #[arg(short = 'L', long, value_name = "PORT", value_delimiter = ',', value_parser = parse_ports)]
    pub local_port: Vec<RangeInclusive<u16>>,

    /// Port of the other end
    #[arg(short = 'D', long, value_name = "PORT", value_delimiter = ',', value_parser = parse_ports)]
    pub remote_port: Vec<RangeInclusive<u16>>,

    /// Port of either end
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = parse_ports)]
    pub port: Vec<RangeInclusive<u16>>,

    /// Address or network of this end: 10.0.0.5, 10.0.0.0/8, ::1
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = parse_network)]
    pub local: Vec<IpNet>,

    /// Address or network of the other end
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = parse_network)]
    pub remote: Vec<IpNet>,

    /// Address or network of either end
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = parse_network)]
    pub addr: Vec<IpNet>,

    /// From or to this state, by any netstat's name: SYN_SENT, time-wait, LISTENING
    #[arg(short, long, value_name = "STATE", value_delimiter = ',')]
    pub state: Vec<State>,

    /// Process that holds the socket
    #[arg(short, long, value_name = "PID", value_delimiter = ',', value_parser = parse_pid)]
    pub pid: Vec<u32>,

    /// Its name, exactly; of a longer one the first 15 bytes count, the kernel keeps no more
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = parse_comm)]
    pub comm: Vec<String>,

    /// Its user
    #[arg(short, long, value_name = "NAME|UID", value_delimiter = ',', value_parser = user::parse)]
    pub user: Vec<u32>,

    /// The socket's network namespace, by inode number or by ip netns' name
    #[arg(long, value_name = "INUM|NAME", value_delimiter = ',', value_parser = netns::parse)]
    pub netns: Vec<u32>,

    /// The socket's cgroup, with what is below it: /system.slice/nginx.service
    #[arg(long, value_name = "PATH", value_parser = cgroup::parse)]
    pub cgroup: Vec<String>,
}

impl FilterArgs {
    /// The filter that the options make.
    ///
    /// # Errors
    /// One line, if no row can ever match.
    pub fn into_filter(self) -> Result<Filter, String> {
        let Self {
            ipv4,
            ipv6,
            local_port,
            remote_port,
            port,
            local,
            remote,
            addr,
            state,
            pid,
            comm,
            user,
            netns,
            cgroup,
        } = self;
        let family = match (ipv4, ipv6) {
            (true, false) => Some(Family::Ipv4),
            (false, true) => Some(Family::Ipv6),
            _ => None,
        };
        let filter = Filter {
            family: FamilyFilter(family),
            ports: ByEnd::new(local_port, remote_port, port),
            addresses: ByEnd::new(local, remote, addr),
            states: state.into_iter().collect(),
            owner: OwnerFilter::new(pid, comm, user),
            netns: netns.into_iter().collect(),
            cgroups: cgroup.into_iter().collect(),
        };
        filter.check()?;
        Ok(filter)
    }
}
