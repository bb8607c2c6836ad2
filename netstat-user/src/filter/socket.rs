//! The same filters for a list of sockets of any protocol, as rnetstat shows it.

use super::{Address, Filter, HolderFacts, Match, ValueSet as _};
use crate::model::{Endpoint, Family, InterfaceName, State};

/// What filters compare of a socket; None where the socket has no such property.
#[derive(Clone, Debug)]
pub struct SocketFacts<'a> {
    /// The family of its packets.
    pub family: Option<Family>,
    /// The local endpoint.
    pub local: Option<Endpoint>,
    /// The remote endpoint.
    pub remote: Option<Endpoint>,
    /// The interface that it is bound to, or that its link-local address belongs to.
    pub interface: Option<InterfaceName>,
    /// Its TCP state.
    pub state: Option<State>,
    /// Its user.
    pub uid: Option<u32>,
    /// The processes that hold it.
    pub holders: &'a [HolderFacts<'a>],
    /// Its network namespace.
    pub netns: Option<u32>,
}

impl Filter {
    /// Whether the socket is shown. A filter on a property that the socket does not have excludes it; `--cgroup` is not
    /// evaluated, because rnetstat has no such option.
    pub fn matches_socket(&self, socket: &SocketFacts<'_>) -> bool {
        let Self { family, ports, addresses, states, owner, netns, cgroups: _ } = self;
        let port =
            |endpoint: Option<Endpoint>| endpoint.map(|endpoint| endpoint.port).filter(|port| *port != 0);
        let addr = |endpoint: Option<Endpoint>| {
            endpoint.map(|endpoint| Address { addr: endpoint.addr, interface: socket.interface })
        };
        let remote = socket.remote.filter(|endpoint| endpoint.port != 0);
        let matched = family
            .matches(socket.family)
            .and(ports.matches(port(socket.local), port(remote)))
            .and(addresses.matches(addr(socket.local), addr(remote)))
            .and(netns.matches(socket.netns));
        matched == Match::Yes
            && states.contains(socket.state)
            && owner.matches_holders(socket.holders, socket.uid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        filter::{ByEndpoint, OwnerFilter, parse_network},
        model::Comm,
    };

    fn end(addr: &str, port: u16) -> Option<Endpoint> {
        Some(Endpoint { addr: addr.parse().unwrap(), port })
    }

    fn holder(pid: u32, name: &[u8]) -> HolderFacts<'_> {
        let mut bytes = [0; 16];
        bytes[..name.len()].copy_from_slice(name);
        HolderFacts { pid, comm: Comm::new(bytes), program: name }
    }

    fn nginx<'a>(holders: &'a [HolderFacts<'a>]) -> SocketFacts<'a> {
        SocketFacts {
            family: Some(Family::Ipv4),
            local: end("10.0.0.1", 80),
            remote: end("192.0.2.9", 40000),
            interface: None,
            state: Some(State::Established),
            uid: Some(33),
            holders,
            netns: Some(1),
        }
    }

    #[test]
    fn each_given_filter_has_to_match() {
        let holders = [holder(1, b"systemd"), holder(812, b"nginx")];
        let socket = nginx(&holders);
        let ports = |ports: [std::ops::RangeInclusive<u16>; 1]| ByEndpoint {
            either: ports.into_iter().collect(),
            ..ByEndpoint::default()
        };
        let of = |pids: &[u32], comms: &[&str]| OwnerFilter {
            pids: pids.iter().copied().collect(),
            comms: comms.iter().map(|name| name.as_bytes().to_vec()).collect(),
            users: [33].into_iter().collect(),
        };
        for (filter, expected) in [
            (Filter::default(), true),
            (Filter { ports: ports([80..=80]), ..Filter::default() }, true),
            (Filter { ports: ports([81..=90]), ..Filter::default() }, false),
            (Filter { states: [State::TimeWait].into_iter().collect(), ..Filter::default() }, false),
            (Filter { states: [State::Established].into_iter().collect(), ..Filter::default() }, true),
            (Filter { owner: of(&[812], &["nginx"]), ..Filter::default() }, true),
            (Filter { owner: of(&[], &["systemd", "init"]), ..Filter::default() }, true),
            (Filter { owner: of(&[1], &["nginx"]), ..Filter::default() }, false),
            (Filter { netns: [2].into_iter().collect(), ..Filter::default() }, false),
        ] {
            assert_eq!(filter.matches_socket(&socket), expected, "{filter:?}");
        }
    }

    #[test]
    fn a_socket_without_endpoints_and_state_matches_no_filter_on_them() {
        let unix = SocketFacts { family: None, local: None, remote: None, state: None, ..nginx(&[]) };
        let remote = [parse_network("0.0.0.0/0").unwrap()].into_iter().collect();
        assert!(Filter::default().matches_socket(&unix));
        for filter in [
            Filter { addresses: ByEndpoint { remote, ..ByEndpoint::default() }, ..Filter::default() },
            Filter { states: [State::Close].into_iter().collect(), ..Filter::default() },
        ] {
            assert!(!filter.matches_socket(&unix), "{filter:?}");
        }
    }
}
