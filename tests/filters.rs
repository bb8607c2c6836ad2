//! Filters: each shows exactly the matching rows of an unfiltered trace of the same traffic, unchanged.

#![cfg(target_os = "linux")]

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::{Direction, Family, Row},
    history,
    oracle::{ORDINARY, Oracle},
    scenario::{Pair, TestNet, close, ipv6, open, reset},
    skip,
    sock::Sock,
    state::State,
    tracer::Tracer,
    wait::for_exclusive_turn,
};

/// A filter's arguments, and the rows that it must show.
struct Filter {
    arguments: Vec<String>,
    shows: Box<dyn Fn(&Row) -> bool>,
}

#[test]
fn a_family_filter_shows_its_family_and_mapped_addresses_as_ipv4() -> Result<()> {
    compare_with_unfiltered(|_| {
        vec![
            filter(&["-4"], |row| row.family == Family::Ipv4),
            filter(&["-6"], |row| row.family == Family::Ipv6),
        ]
    })
}

#[test]
fn a_port_filter_shows_connections_with_one_of_the_ports_at_that_end() -> Result<()> {
    compare_with_unfiltered(|net| {
        let port = net.addresses.port();
        let next = port + 1;
        let local = move |row: &Row| row.local_port == Some(port);
        let remote = move |row: &Row| row.remote_port == Some(port);
        let either_of_two = move |row: &Row| {
            [row.local_port, row.remote_port]
                .into_iter()
                .flatten()
                .any(|found| found == port || found == next)
        };
        vec![
            filter(&["-L", &port.to_string()], local),
            filter(&["-D", &port.to_string()], remote),
            filter(&["--port", &port.to_string()], move |row| local(row) || remote(row)),
            filter(&["--port", &format!("{port}-{next}")], either_of_two),
            filter(&["--port", &port.to_string(), "--port", &next.to_string()], either_of_two),
            filter(&["--port", &format!("1,2,3,4,5,6,{next},7-9,{port}")], either_of_two),
            filter(&["-L", &port.to_string(), "-D", &port.to_string()], move |row| local(row) && remote(row)),
        ]
    })
}

#[test]
fn an_address_filter_shows_connections_with_one_of_the_addresses_at_that_end() -> Result<()> {
    compare_with_unfiltered(|net| {
        let (v4, v6) = (net.addresses.loopback(1), net.addresses.v6(1));
        let local = |addr: IpAddr| move |row: &Row| row.local_addr == addr;
        let remote = |addr: IpAddr| move |row: &Row| row.remote_addr == Some(addr);
        let either = |addr: IpAddr| move |row: &Row| row.local_addr == addr || row.remote_addr == Some(addr);
        let loopback = |addr: IpAddr| matches!(addr, IpAddr::V4(v4) if v4.octets()[0] == 127);
        vec![
            filter(&["--local", &v4.to_string()], local(v4)),
            filter(&["--remote", &v4.to_string()], remote(v4)),
            filter(&["--addr", &v4.to_string()], either(v4)),
            filter(&["--addr", &format!("::ffff:{v4}")], either(v4)),
            filter(&["--addr", &v6.to_string()], either(v6)),
            filter(&["--remote", &v6.to_string(), "--remote", &v4.to_string()], move |row| {
                remote(v4)(row) || remote(v6)(row)
            }),
            filter(&["--local", "127.0.0.0/8"], move |row| loopback(row.local_addr)),
            filter(&["--remote", "127.0.0.0/8"], move |row| row.remote_addr.is_some_and(loopback)),
        ]
    })
}

#[test]
fn a_state_filter_shows_transitions_from_and_to_the_states_with_their_durations() -> Result<()> {
    let from_or_to = |states: &'static [State]| {
        move |row: &Row| states.contains(&row.old_state) || states.contains(&row.new_state)
    };
    compare_with_unfiltered(|_| {
        vec![
            filter(&["-s", "ESTABLISHED"], from_or_to(&["ESTABLISHED"])),
            filter(&["-s", "fin-wait-2,LAST_ACK"], from_or_to(&["FIN_WAIT2", "LAST_ACK"])),
            filter(&["-s", "LISTENING"], from_or_to(&["LISTEN"])),
            filter(&["-s", "SYN_RECEIVED", "-s", "closing"], from_or_to(&["SYN_RECV", "CLOSING"])),
            filter(&["-s", "CLOSED"], from_or_to(&["CLOSE"])),
            filter(&["-s", "close-wait"], from_or_to(&["CLOSE_WAIT"])),
        ]
    })
}

#[test]
fn a_row_must_match_all_filters() -> Result<()> {
    compare_with_unfiltered(|net| {
        let port = net.addresses.port();
        let address = net.addresses.loopback(1);
        vec![
            filter(&["-6", "-s", "ESTABLISHED", "-L", &port.to_string()], move |row| {
                row.family == Family::Ipv6
                    && (row.old_state == "ESTABLISHED" || row.new_state == "ESTABLISHED")
                    && row.local_port == Some(port)
            }),
            filter(&["--remote", &address.to_string(), "-D", &port.to_string(), "-s", "CLOSE"], move |row| {
                row.remote_addr == Some(address)
                    && row.remote_port == Some(port)
                    && (row.old_state == "CLOSE" || row.new_state == "CLOSE")
            }),
        ]
    })
}

fn filter(arguments: &[&str], shows: impl Fn(&Row) -> bool + 'static) -> Filter {
    Filter {
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
        shows: Box::new(shows),
    }
}

/// Runs an unfiltered trace and a trace for each filter beside the same traffic.
fn compare_with_unfiltered(filters: impl FnOnce(&TestNet) -> Vec<Filter>) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // A child process, such as another test's trace, has copies of this process's sockets until exec(). The owner
    // that a trace finds would depend on when it looks it up. So each test has the process to itself.
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let filters = filters(&net);
    let mut oracle = Oracle::start(ORDINARY, &[&net.addresses])?;
    let unfiltered = Tracer::start(&[])?;
    let mut filtered = Vec::new();
    for filter in &filters {
        let arguments: Vec<&str> = filter.arguments.iter().map(String::as_str).collect();
        filtered.push(Tracer::start(&arguments)?);
    }
    traffic(&net)?;
    history::completed(&mut oracle, &[&net.addresses])?;
    let all = unfiltered.stop()?.rows()?;
    for (filter, tracer) in filters.iter().zip(filtered) {
        let trace = tracer.stop()?;
        let shown = trace.rows()?;
        let check = || {
            ensure!(shown.iter().all(|row| (filter.shows)(row)), "a row doesn't match the filter");
            let expected = all.iter().filter(|row| row.belongs_to(&net.addresses) && (filter.shows)(row));
            let shown = shown.iter().filter(|row| row.belongs_to(&net.addresses));
            same(&by_connection(expected), &by_connection(shown))
        };
        check().with_context(|| format!("with {:?}", filter.arguments))?;
    }
    Ok(())
}

/// Both families, several ports and addresses, every state that is possible on loopback.
fn traffic(net: &TestNet) -> Result<()> {
    for scenario in
        [close::SCENARIOS, reset::SCENARIOS, ipv6::SCENARIOS, open::SCENARIOS].into_iter().flatten()
    {
        net.run(scenario)?;
    }
    net.netns.run(|| {
        for port in net.addresses.port() + 1..=net.addresses.last_port() {
            let listener = Sock::listening(SocketAddr::new(net.addresses.loopback(2), port), 8)?;
            Pair::through(listener)?.server_closes()?;
        }
        Ok(())
    })
}

/// A row without the ids and timestamps, which differ between two traces.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ShownRow {
    local: SocketAddr,
    remote: Option<SocketAddr>,
    old: State,
    new: State,
    outbound: bool,
    inbound: bool,
    has_duration: bool,
    pid: Option<u32>,
}

/// The rows of each connection. The connections are sorted, so that two traces can be compared.
fn by_connection<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<Vec<ShownRow>> {
    let mut connections: HashMap<&str, Vec<ShownRow>> = HashMap::new();
    for row in rows {
        connections.entry(&row.conn).or_default().push(ShownRow {
            local: row.local(),
            remote: row.remote(),
            old: row.old_state,
            new: row.new_state,
            outbound: row.direction == Some(Direction::Outbound),
            inbound: row.direction == Some(Direction::Inbound),
            has_duration: row.state_ns.is_some(),
            pid: row.pid,
        });
    }
    let mut sorted: Vec<_> = connections.into_values().collect();
    sorted.sort();
    sorted
}

fn same(expected: &[Vec<ShownRow>], shown: &[Vec<ShownRow>]) -> Result<()> {
    ensure!(!expected.is_empty(), "no connection of the traffic matches the filter");
    let missing: Vec<_> = expected.iter().filter(|connection| !shown.contains(connection)).collect();
    let surplus: Vec<_> = shown.iter().filter(|connection| !expected.contains(connection)).collect();
    ensure!(missing.is_empty() && surplus.is_empty(), "missing: {missing:#?}\nsurplus: {surplus:#?}");
    ensure!(expected == shown, "the same connections, but not as many of each");
    Ok(())
}
