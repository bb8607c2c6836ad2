//! The filters together, on rows and on tuples.

use super::*;
use crate::model::{Comm, ConnId, Moment, Owner, OwnerHow, Protocol, RowKind, Source, State};

fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint { addr: socket.ip(), port: socket.port() }
}

fn row(local: &str, remote: Option<&str>, old: State, new: State) -> Row {
    let local = end(local);
    Row {
        kind: RowKind::Transition,
        at: Moment::default(),
        conn: ConnId(1),
        family: if local.addr.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 },
        protocol: Protocol::Tcp,
        local,
        remote: remote.map(end),
        direction: None,
        old_state: Some(old),
        new_state: new,
        state_ns: None,
        owner: None,
        socket_uid: None,
        netns: None,
        cgroup: None,
        close_reason: None,
        tcp_stats: None,
        source: Source::Ebpf,
        interface: None,
        reset_cause: None,
        syn_retransmits: None,
    }
}

fn ports(text: &str) -> PortSet {
    text.split_terminator(',').map(|text| parse_ports(text).unwrap()).collect()
}

fn networks(text: &str) -> NetworkSet {
    text.split_terminator(',').map(|text| parse_network(text).unwrap()).collect()
}

fn by_ports(local: &str, remote: &str, either: &str) -> Filter {
    let ports = ByEndpoint { local: ports(local), remote: ports(remote), either: ports(either) };
    Filter { ports, ..Filter::default() }
}

fn by_addresses(local: &str, remote: &str, either: &str) -> Filter {
    let addresses = ByEndpoint { local: networks(local), remote: networks(remote), either: networks(either) };
    Filter { addresses, ..Filter::default() }
}

fn by_family(family: Family) -> Filter {
    Filter { family: FamilyFilter(Some(family)), ..Filter::default() }
}

fn by_pid(pid: u32) -> Filter {
    let owner = OwnerFilter { pids: [pid].into_iter().collect(), ..OwnerFilter::default() };
    Filter { owner, ..Filter::default() }
}

fn by_cgroup(path: &str) -> Filter {
    Filter { cgroups: [path.as_bytes().to_vec()].into_iter().collect(), ..Filter::default() }
}

fn listener(local: &str) -> Row {
    row(local, None, State::Close, State::Listen)
}

fn connection() -> Row {
    row("10.0.0.5:45012", Some("93.184.216.34:443"), State::SynSent, State::Established)
}

#[test]
fn without_filters_every_row_matches() {
    assert!(Filter::default().matches(&connection(), None));
    assert!(Filter::default().matches(&listener("[::]:80"), None));
}

#[test]
fn a_port_filter_compares_its_endpoint() {
    for (filter, expected) in [
        (by_ports("45012", "", ""), true),
        (by_ports("443", "", ""), false),
        (by_ports("", "443", ""), true),
        (by_ports("", "80,443", ""), true),
        (by_ports("", "45012", ""), false),
        (by_ports("", "", "443"), true),
        (by_ports("", "", "45000-45999"), true),
        (by_ports("", "", "80"), false),
        (by_ports("45012", "80", ""), false),
        (by_ports("45012", "443", "443"), true),
    ] {
        assert_eq!(filter.matches(&connection(), None), expected, "{filter:?}");
    }
}

#[test]
fn an_address_filter_compares_its_endpoint() {
    for (filter, expected) in [
        (by_addresses("10.0.0.0/8", "", ""), true),
        (by_addresses("", "10.0.0.0/8", ""), false),
        (by_addresses("", "", "10.0.0.0/8"), true),
        (by_addresses("", "", "::1,93.184.216.34"), true),
        (by_addresses("", "", "::/0"), false),
        (by_addresses("10.0.0.5", "93.184.0.0/16", ""), true),
    ] {
        assert_eq!(filter.matches(&connection(), None), expected, "{filter:?}");
    }
}

#[test]
fn a_listener_matches_no_filter_on_the_remote_endpoint() {
    let listener = listener("0.0.0.0:80");
    assert!(by_ports("80", "", "").matches(&listener, None));
    assert!(by_ports("", "", "80").matches(&listener, None));
    assert!(!by_ports("", "80", "").matches(&listener, None));
    assert!(!by_ports("", "1-65535", "").matches(&listener, None));
    assert!(by_addresses("0.0.0.0", "", "").matches(&listener, None));
    assert!(!by_addresses("", "0.0.0.0/0", "").matches(&listener, None));
}

#[test]
fn a_row_without_an_address_matches_by_its_family() {
    assert!(by_family(Family::Ipv6).matches(&listener("[::]:80"), None));
    assert!(!by_family(Family::Ipv4).matches(&listener("[::]:80"), None));
}

#[test]
fn a_state_matches_the_old_and_the_new_one_of_a_row() {
    for (states, expected) in [
        (vec![State::SynSent], true),
        (vec![State::Established], true),
        (vec![State::Close, State::Established], true),
        (vec![State::Close], false),
    ] {
        let filter = Filter { states: states.iter().copied().collect(), ..Filter::default() };
        assert_eq!(filter.matches(&connection(), None), expected, "{states:?}");
    }
}

#[test]
fn an_existing_row_matches_by_its_state() {
    let mut existing = connection();
    existing.old_state = None;
    let by_state = |state| Filter { states: [state].into_iter().collect(), ..Filter::default() };
    assert!(by_state(State::Established).matches(&existing, None));
    assert!(!by_state(State::Unknown).matches(&existing, None));
}

#[test]
fn owner_namespace_and_cgroup_have_to_match_too() {
    let owner =
        Owner { pid: 812, comm: Comm::default(), uid: Some(33), started_ns: None, how: OwnerHow::Accept };
    let row = Row { owner: Some(owner), netns: Some(4_026_531_840), ..connection() };
    let cgroup = Some(&b"/system.slice/nginx.service"[..]);
    let by_netns = |inode| Filter { netns: [inode].into_iter().collect(), ..Filter::default() };
    for (filter, expected) in [
        (by_pid(812), true),
        (by_pid(813), false),
        (by_netns(4_026_531_840), true),
        (by_netns(4_026_532_000), false),
        (by_cgroup("/system.slice"), true),
        (by_cgroup("/user.slice"), false),
        (Filter { netns: by_netns(1).netns, ..by_pid(812) }, false),
    ] {
        assert_eq!(filter.matches(&row, cgroup), expected, "{filter:?}");
        assert!(!filter.matches(&connection(), None), "{filter:?} matches an unknown value");
    }
}

#[test]
fn filters_on_the_owner_neither_exclude_a_tuple_nor_filter_in_the_kernel() {
    let filter = Filter { owner: by_pid(812).owner, ..by_cgroup("/a") };
    let remote = Some(end("93.184.216.34:443"));
    assert_eq!(filter.matches_tuple(Family::Ipv4, end("10.0.0.5:1"), remote), Match::Yes);
    assert_eq!(filter.for_kernel(), wire::Filter::ALL);
}

#[test]
fn a_tuple_is_excluded_only_if_no_row_of_it_can_match() {
    let local = end("10.0.0.5:45012");
    let remote = Some(end("93.184.216.34:443"));
    let matches = |filter: &Filter, local, remote| filter.matches_tuple(Family::Ipv4, local, remote);
    assert_eq!(matches(&by_ports("", "443", ""), local, remote), Match::Yes);
    assert_eq!(matches(&by_ports("", "80", ""), local, remote), Match::No);
    assert_eq!(matches(&by_ports("", "80", ""), local, None), Match::Unknown);
    assert_eq!(matches(&by_ports("80", "", ""), end("10.0.0.5:0"), remote), Match::Unknown);
    assert_eq!(matches(&by_ports("", "", "80"), end("10.0.0.5:0"), remote), Match::Unknown);
    assert_eq!(matches(&by_addresses("10.0.0.5", "", ""), end("10.0.0.5:0"), None), Match::Yes);
    assert_eq!(matches(&by_addresses("10.0.0.5", "", ""), end("0.0.0.0:80"), None), Match::Unknown);
    assert_eq!(matches(&by_addresses("", "10.0.0.5", ""), local, Some(end("0.0.0.0:0"))), Match::Unknown);
    assert_eq!(matches(&by_family(Family::Ipv6), local, remote), Match::No);
}

#[test]
fn a_child_that_still_shows_its_listener_s_address_may_become_ipv4() {
    let any = end("[::]:80");
    for family in [Family::Ipv4, Family::Ipv6] {
        assert_eq!(by_family(family).matches_tuple(Family::Ipv6, any, None), Match::Unknown);
    }
    assert_eq!(Filter::default().matches_tuple(Family::Ipv6, any, None), Match::Yes);
    assert_eq!(by_family(Family::Ipv4).matches_tuple(Family::Ipv6, end("[::1]:80"), None), Match::No);
}

#[test]
fn a_state_filter_excludes_no_tuple() {
    let filter = Filter { states: [State::Closing].into_iter().collect(), ..Filter::default() };
    assert_eq!(filter.matches_tuple(Family::Ipv4, end("10.0.0.5:1"), None), Match::Yes);
}

#[test]
fn the_error_names_the_options_that_exclude_each_other() {
    let mut filter = by_addresses("", "", "::1/128");
    filter.family = FamilyFilter(Some(Family::Ipv4));
    let error = filter.check().unwrap_err();
    assert_eq!(error, "no connection can match both '-4' and '--addr ::1': one is IPv4, the other IPv6");
    let error = by_addresses("10.0.0.0/8", "fe80::/10", "").check().unwrap_err();
    assert!(error.contains("'--local 10.0.0.0/8' and '--remote fe80::/10'"), "{error}");
    assert_eq!(by_addresses("10.0.0.0/8,::1", "fe80::/10", "").check(), Ok(()));
    assert_eq!(by_addresses("", "", "10.0.0.0/8,::1").check(), Ok(()));
}

#[test]
fn the_kernel_side_gets_what_it_can_compare() {
    assert_eq!(Filter::default().for_kernel(), wire::Filter::ALL);
    let filter = by_ports("80,81", "", "1,3,5,7,9").for_kernel();
    assert_eq!((filter.by_local, filter.by_remote, filter.by_either), (1, 0, 0));
    assert_eq!(filter.local[0], wire::PortRange { first: 80, last: 81 });
    assert_eq!(by_family(Family::Ipv4).for_kernel().family, 1);
    assert_eq!(by_family(Family::Ipv6).for_kernel().family, 2);
    assert_eq!(by_addresses("10.0.0.0/8", "", "").for_kernel().family, 1);
    assert_eq!(by_addresses("", "", "10.0.0.0/8,::1").for_kernel().family, 0);
}
