//! Every kind of connection once more, by looks: wherever its sockets rest `--source proc` shows them as `ss` lists
//! them, and it never shows a state that the connection was not in.

#![cfg(target_os = "linux")]

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    checkpoint,
    event::{Row, Source},
    scenario::{self, Scenario, TestNet},
    skip,
    tracer::Tracer,
};

/// Cases that never rest, and why.
const WITHOUT_CHECKPOINTS: [(&str, &str); 6] = [
    ("nobody listens", "loopback answers the SYN before connect() is over"),
    ("nobody listens on IPv6", "loopback answers the SYN before connect() is over"),
    ("nobody listens beyond the veth", "the answer comes at once"),
    ("a router knows no way to the server", "the answer comes at once"),
    ("the route is missing and nothing happens", "there is no connection"),
    ("a socket is bound and never used", "there is no connection"),
];

#[test]
fn connections_closed_by_fins_are_seen_at_rest() -> Result<()> {
    poll(scenario::close::SCENARIOS)
}

#[test]
fn connections_ended_by_resets_are_seen_at_rest() -> Result<()> {
    poll(scenario::reset::SCENARIOS)
}

#[test]
fn opening_connections_are_seen_at_rest() -> Result<()> {
    poll(scenario::open::SCENARIOS)
}

#[test]
fn listeners_are_seen_at_rest() -> Result<()> {
    poll(scenario::listen::SCENARIOS)
}

#[test]
fn ipv6_and_mapped_connections_are_seen_at_rest() -> Result<()> {
    poll(scenario::ipv6::SCENARIOS)
}

#[test]
fn the_subflows_of_mptcp_connections_are_seen_at_rest() -> Result<()> {
    if skip::without_mptcp() {
        return Ok(());
    }
    poll(scenario::mptcp::SCENARIOS)
}

#[test]
fn connections_between_namespaces_are_seen_at_rest() -> Result<()> {
    poll(scenario::network::SCENARIOS)
}

#[test]
fn half_open_connections_are_seen_at_rest() -> Result<()> {
    poll(scenario::half_open::SCENARIOS)
}

#[test]
fn connections_that_change_hands_are_seen_at_rest() -> Result<()> {
    poll(scenario::process::SCENARIOS)
}

#[test]
fn rare_ends_are_seen_at_rest() -> Result<()> {
    poll(scenario::rare::SCENARIOS)
}

/// Plays the cases one after the other beside one trace, each in a place of its own.
fn poll(scenarios: &[Scenario]) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // Before the trace: it may know these addresses from others who had them.
    let nets = scenarios.iter().map(|_| TestNet::new()).collect::<Result<Vec<_>>>()?;
    let ports = |net: &TestNet| format!("--port={}-{}", net.addresses.port(), net.addresses.last_port());
    let ports: Vec<String> = nets.iter().map(ports).collect();
    let mut arguments = vec!["--source", "proc", "--interval", "20ms"];
    arguments.extend(ports.iter().map(String::as_str));
    let tracer = Arc::new(Tracer::start(&arguments)?);
    for (scenario, net) in scenarios.iter().zip(&nets) {
        let rests = net
            .netns
            .run(|| checkpoint::with_polling_trace(&tracer, &net.netns, || (scenario.run)(net)))
            .with_context(|| format!("playing {:?}", scenario.name))?;
        let why = WITHOUT_CHECKPOINTS.iter().find(|(name, _)| *name == scenario.name).map(|(_, why)| why);
        ensure!((rests == 0) == why.is_some(), "{:?} rested {rests} times, but: {why:?}", scenario.name);
    }
    let trace = Arc::into_inner(tracer).context("somebody still looks")?.stop()?;
    let (rows, existing) = (trace.rows()?, trace.events()?.existing);
    let was_there = |row: &Row| existing.iter().any(|found| found.conn == row.conn);
    for (scenario, net) in scenarios.iter().zip(&nets) {
        let rows = rows.iter().filter(|row| row.belongs_to(&net.addresses) && !was_there(row));
        shows_only_states_of_scenario(scenario, rows).with_context(|| format!("of {:?}", scenario.name))?;
    }
    Ok(())
}

/// The rows of each connection hang together, and tell a life of the case with gaps.
fn shows_only_states_of_scenario<'a>(scenario: &Scenario, rows: impl Iterator<Item = &'a Row>) -> Result<()> {
    let mut shown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows {
        let states = shown.entry(&row.conn).or_insert_with(|| vec!["CLOSE"]);
        ensure!(states.last() == Some(&row.old_state), "a step is missing before {row:#?}");
        ensure!(states.len() == 1 || row.old_state != "CLOSE", "it goes on after its end: {row:#?}");
        ensure!(row.source == Source::Proc && row.state_ns.is_none() && row.cgroup.is_none(), "{row:#?}");
        states.push(row.new_state);
    }
    for states in shown.into_values() {
        let is_one = |history: &&str| is_subsequence(&states[1..], history);
        // Of a half-open connection that never was more the tracepoint knows nothing.
        let lived = scenario.histories.iter().chain(&["LISTEN SYN_RECV CLOSE"]).any(is_one);
        ensure!(lived, "{states:?} is no part of any of {:#?}", scenario.histories);
    }
    Ok(())
}

/// Whether the states come in this order in the life as it goes on in a timewait socket, with gaps.
fn is_subsequence(states: &[&str], history: &str) -> bool {
    let history = history.replace("FIN_WAIT2 CLOSE", "FIN_WAIT2 TIME_WAIT CLOSE");
    let history = history.replace("CLOSING CLOSE", "CLOSING TIME_WAIT CLOSE");
    let mut lived = history.split_ascii_whitespace();
    states.iter().all(|state| lived.any(|other| other == *state))
}
