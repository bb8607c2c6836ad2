//! Which rows are shown: every given filter has to match, by at least one of its values.

mod address;
mod cgroup;
mod endpoint;
mod family;
mod owner;
mod ports;
mod socket;
mod states;
#[cfg(test)]
mod tests;
mod values;

use netstat_ebpf::wire;

use address::Address;
pub use address::{Network, NetworkSet, parse_network};
pub use cgroup::CgroupSet;
pub use endpoint::ByEndpoint;
pub use family::FamilyFilter;
pub use owner::{CommSet, HolderFacts, OwnerFilter, parse_comm, parse_pid};
pub use ports::{PortSet, parse_ports};
pub use socket::SocketFacts;
pub use states::StateSet;
use values::ValueSet;
pub use values::{Match, Values};

use crate::model::{Endpoint, Family, Row};

/// The filters of one command; the default matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `-4`, `-6`.
    pub family: FamilyFilter,
    /// `--local-port`, `--remote-port`, `--port`.
    pub ports: ByEndpoint<PortSet>,
    /// `--local`, `--remote`, `--addr`.
    pub addresses: ByEndpoint<NetworkSet>,
    /// `--state`.
    pub states: StateSet,
    /// `--pid`, `--comm`, `--user`.
    pub owner: OwnerFilter,
    /// `--netns`, as inode numbers.
    pub netns: Values<u32>,
    /// `--cgroup`.
    pub cgroups: CgroupSet,
}

impl Filter {
    /// Whether an address is given with its interface.
    pub fn names_an_interface(&self) -> bool {
        let ByEndpoint { local, remote, either } = &self.addresses;
        [local, remote, either].into_iter().any(NetworkSet::names_an_interface)
    }

    /// Whether a port is given.
    pub fn names_a_port(&self) -> bool {
        self.ports != ByEndpoint::default()
    }

    /// Whether the row is shown; `cgroup` is the path of its cgroup.
    pub fn matches(&self, row: &Row, cgroup: Option<&[u8]>) -> bool {
        self.owner.matches(row.owner, row.socket_uid) == Match::Yes && self.matches_but_owner(row, cgroup)
    }

    /// Whether the row may be shown only if its owner is known, which it is not.
    pub fn lacks_owner(&self, row: &Row, cgroup: Option<&[u8]>) -> bool {
        self.owner.matches(row.owner, row.socket_uid) == Match::Unknown && self.matches_but_owner(row, cgroup)
    }

    fn matches_but_owner(&self, row: &Row, cgroup: Option<&[u8]>) -> bool {
        let Self { family, ports, addresses, states, owner: _, netns, cgroups } = self;
        let remote = row.remote.filter(is_known);
        let address = |endpoint: Endpoint| Address { addr: endpoint.addr, interface: row.interface };
        let matched = family
            .matches(Some(row.family))
            .and(ports.matches(port(row.local), remote.and_then(port)))
            .and(addresses.matches(Some(address(row.local)), remote.map(address)))
            .and(netns.matches(row.netns));
        matched == Match::Yes && states.matches(row) && cgroups.matches(cgroup)
    }

    /// Whether rows of a connection with this tuple can match, judged by family, ports and addresses alone, which don't
    /// change while the connection exists. [`Match::No`] means that no row of it ever matches.
    pub fn matches_tuple(&self, family: Family, local: Endpoint, remote: Option<Endpoint>) -> Match {
        let Self { family: family_filter, ports, addresses, states: _, owner: _, netns: _, cgroups: _ } =
            self;
        let remote = remote.filter(is_known);
        // The interface of a link-local address may not be known yet.
        let address = |endpoint: Endpoint| Address { addr: endpoint.addr, interface: None };
        let local_addr = Some(local.addr).filter(|addr| !addr.is_unspecified());
        // Up to 6.12 a child socket shows its listener's address in LISTEN→SYN_RECV: `::` may still become IPv4.
        let may_become_ipv4 = remote.is_none() && local_addr.is_none() && local.addr.is_ipv6();
        family_filter
            .matches(Some(family).filter(|_| !may_become_ipv4))
            .and(ports.matches(port(local), remote.and_then(port)))
            .and(addresses.matches(local_addr.map(|_| address(local)), remote.map(address)))
    }

    /// Whether rows of a connection in this network namespace can match.
    pub fn matches_netns(&self, netns: Option<u32>) -> Match {
        self.netns.matches(netns)
    }

    /// What the kernel side may drop: an optimisation that never changes the output.
    pub fn for_kernel(&self) -> wire::Filter {
        let mut filter = wire::Filter { dropped: self.states.for_kernel(), ..wire::Filter::ALL };
        filter.by_states = u32::from(filter.dropped != wire::Filter::ALL.dropped);
        filter.family = match FAMILIES.map(|family| self.allows(family)) {
            [true, false] => 1,
            [false, true] => 2,
            _ => 0,
        };
        let ByEndpoint { local, remote, either } = &self.ports;
        for (ports, is_set, ranges) in [
            (local, &mut filter.by_local, &mut filter.local),
            (remote, &mut filter.by_remote, &mut filter.remote),
            (either, &mut filter.by_either, &mut filter.either),
        ] {
            if let Some(for_kernel) = ports.for_kernel() {
                *is_set = 1;
                *ranges = for_kernel;
            }
        }
        filter
    }

    /// Refuses a filter that no row can match, because one option wants IPv4 and another IPv6.
    ///
    /// # Errors
    /// One line that names the two options.
    pub fn check(&self) -> Result<(), String> {
        let ByEndpoint { local, remote, either } = &self.addresses;
        let mut only_ipv4 = None;
        let mut only_ipv6 = None;
        for (option, families) in [
            (self.family.option_text(), FAMILIES.map(|family| self.family.allows(family))),
            (local.option_text("--local"), FAMILIES.map(|family| local.allows(family))),
            (remote.option_text("--remote"), FAMILIES.map(|family| remote.allows(family))),
            (either.option_text("--addr"), FAMILIES.map(|family| either.allows(family))),
        ] {
            match families {
                [true, false] => only_ipv4 = only_ipv4.or(option),
                [false, true] => only_ipv6 = only_ipv6.or(option),
                _ => {}
            }
        }
        match (only_ipv4, only_ipv6) {
            (Some(ipv4), Some(ipv6)) => Err(format!(
                "no connection can match both '{ipv4}' and '{ipv6}': one is IPv4, the other IPv6"
            )),
            _ => Ok(()),
        }
    }

    /// Whether a connection of the family can match.
    fn allows(&self, family: Family) -> bool {
        let ByEndpoint { local, remote, either } = &self.addresses;
        self.family.allows(family) && [local, remote, either].iter().all(|networks| networks.allows(family))
    }
}

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

fn is_known(endpoint: &Endpoint) -> bool {
    endpoint.port != 0
}

fn port(endpoint: Endpoint) -> Option<u16> {
    Some(endpoint.port).filter(|port| *port != 0)
}
