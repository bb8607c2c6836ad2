//! Every scenario under `--source proc`: at each checkpoint the trace shows the sockets that `ss` lists, and it never
//! shows a state that a connection was not in.

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

/// Scenarios without a checkpoint, and the reason.
const WITHOUT_CHECKPOINTS: [(&str, &str); 6] = [
    ("nobody listens", "loopback answers the SYN before connect() is over"),
    ("nobody listens on IPv6", "loopback answers the SYN before connect() is over"),
    ("nobody listens behind the veth", "the answer comes at once"),
    ("a router has no route to the server", "the answer comes at once"),
    ("the route is missing and nothing happens", "there is no connection"),
    ("a socket is bound and never used", "there is no connection"),
];

#[test]
fn connections_closed_by_fins_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::close::SCENARIOS)
}

#[test]
fn connections_ended_by_resets_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::reset::SCENARIOS)
}

#[test]
fn opening_connections_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::open::SCENARIOS)
}

#[test]
fn listeners_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::listen::SCENARIOS)
}

#[test]
fn ipv6_and_mapped_connections_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::ipv6::SCENARIOS)
}

#[test]
fn the_subflows_of_mptcp_connections_are_shown_at_each_checkpoint() -> Result<()> {
    if skip::without_mptcp() {
        return Ok(());
    }
    poll(scenario::mptcp::SCENARIOS)
}

#[test]
fn connections_between_namespaces_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::network::SCENARIOS)
}

#[test]
fn half_open_connections_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::half_open::SCENARIOS)
}

#[test]
fn connections_that_move_between_processes_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::process::SCENARIOS)
}

#[test]
fn connections_with_rare_ends_are_shown_at_each_checkpoint() -> Result<()> {
    poll(scenario::rare::SCENARIOS)
}

/// Runs the scenarios one after the other beside one trace, each in a network of its own.
fn poll(scenarios: &[Scenario]) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // Created before the trace, which may otherwise have seen an earlier owner of the same addresses.
    let nets = scenarios.iter().map(|_| TestNet::new()).collect::<Result<Vec<_>>>()?;
    let ports = |net: &TestNet| format!("--port={}-{}", net.addresses.port(), net.addresses.last_port());
    let ports: Vec<String> = nets.iter().map(ports).collect();
    let mut arguments = vec!["--source", "proc", "--interval", "20ms"];
    arguments.extend(ports.iter().map(String::as_str));
    let tracer = Arc::new(Tracer::start(&arguments)?);
    for (scenario, net) in scenarios.iter().zip(&nets) {
        let checkpoints = net
            .netns
            .run(|| checkpoint::with_polling_trace(&tracer, &net.netns, || (scenario.run)(net)))
            .with_context(|| format!("running {:?}", scenario.name))?;
        let why = WITHOUT_CHECKPOINTS.iter().find(|(name, _)| *name == scenario.name).map(|(_, why)| why);
        ensure!(
            (checkpoints == 0) == why.is_some(),
            "{:?} has {checkpoints} checkpoints, but the reason for none is {why:?}",
            scenario.name
        );
    }
    let trace = Arc::into_inner(tracer).context("a checkpoint still uses the trace")?.stop()?;
    let (rows, existing) = (trace.rows()?, trace.events()?.existing);
    let existed = |row: &Row| existing.iter().any(|found| found.conn == row.conn);
    for (scenario, net) in scenarios.iter().zip(&nets) {
        let rows = rows.iter().filter(|row| row.belongs_to(&net.addresses) && !existed(row));
        shows_only_states_of_scenario(scenario, rows).with_context(|| format!("of {:?}", scenario.name))?;
    }
    Ok(())
}

/// Checks that the rows of each connection are connected, and that their states are a subsequence of a history of the
/// scenario.
fn shows_only_states_of_scenario<'a>(scenario: &Scenario, rows: impl Iterator<Item = &'a Row>) -> Result<()> {
    let mut shown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows {
        let states = shown.entry(&row.conn).or_insert_with(|| vec!["CLOSE"]);
        ensure!(states.last() == Some(&row.old_state), "a transition is missing before {row:#?}");
        ensure!(
            states.len() == 1 || row.old_state != "CLOSE",
            "a closed connection has another transition: {row:#?}"
        );
        ensure!(row.source == Source::Proc && row.state_ns.is_none() && row.cgroup.is_none(), "{row:#?}");
        states.push(row.new_state);
    }
    for states in shown.into_values() {
        let is_part_of = |history: &&str| is_subsequence(&states[1..], history);
        // The tracepoint doesn't show a connection that never leaves SYN_RECV.
        let is_possible = scenario.histories.iter().chain(&["LISTEN SYN_RECV CLOSE"]).any(is_part_of);
        ensure!(is_possible, "{states:?} is a subsequence of none of {:#?}", scenario.histories);
    }
    Ok(())
}

/// Whether the states are a subsequence of the path. Where the tracepoint shows CLOSE, the path goes on in TIME_WAIT.
fn is_subsequence(states: &[&str], history: &str) -> bool {
    let history = history.replace("FIN_WAIT2 CLOSE", "FIN_WAIT2 TIME_WAIT CLOSE");
    let history = history.replace("CLOSING CLOSE", "CLOSING TIME_WAIT CLOSE");
    let mut path = history.split_ascii_whitespace();
    states.iter().all(|state| path.any(|other| other == *state))
}
