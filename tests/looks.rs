//! Every kind of connection once more, by looks: wherever its sockets rest `--source proc` shows them as `ss` lists
//! them, and it never shows a state that the connection was not in.

#![cfg(target_os = "linux")]

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    event::{Row, Source},
    rest,
    scenario::{self, Case, Place},
    skip,
    tracer::Tracer,
};

/// Cases that never rest, and why.
const RESTLESS: [(&str, &str); 6] = [
    ("nobody listens", "loopback answers the SYN before connect() is over"),
    ("nobody listens on IPv6", "loopback answers the SYN before connect() is over"),
    ("nobody listens beyond the veth", "the answer comes at once"),
    ("a router knows no way to the server", "the answer comes at once"),
    ("the route is missing and nothing happens", "there is no connection"),
    ("a socket is bound and never used", "there is no connection"),
];

#[test]
fn connections_closed_by_fins_are_seen_at_rest() -> Result<()> {
    look_at(scenario::close::CASES)
}

#[test]
fn connections_ended_by_resets_are_seen_at_rest() -> Result<()> {
    look_at(scenario::reset::CASES)
}

#[test]
fn opening_connections_are_seen_at_rest() -> Result<()> {
    look_at(scenario::open::CASES)
}

#[test]
fn listeners_are_seen_at_rest() -> Result<()> {
    look_at(scenario::listen::CASES)
}

#[test]
fn ipv6_and_mapped_connections_are_seen_at_rest() -> Result<()> {
    look_at(scenario::ipv6::CASES)
}

#[test]
fn the_subflows_of_mptcp_connections_are_seen_at_rest() -> Result<()> {
    if skip::without_mptcp() {
        return Ok(());
    }
    look_at(scenario::mptcp::CASES)
}

#[test]
fn connections_between_namespaces_are_seen_at_rest() -> Result<()> {
    look_at(scenario::network::CASES)
}

#[test]
fn half_open_connections_are_seen_at_rest() -> Result<()> {
    look_at(scenario::half_open::CASES)
}

#[test]
fn connections_that_change_hands_are_seen_at_rest() -> Result<()> {
    look_at(scenario::process::CASES)
}

#[test]
fn rare_ends_are_seen_at_rest() -> Result<()> {
    look_at(scenario::rare::CASES)
}

/// Plays the cases one after the other beside one trace, each in a place of its own.
fn look_at(cases: &[Case]) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // Before the trace: it may know these addresses from others who had them.
    let places = cases.iter().map(|_| Place::new()).collect::<Result<Vec<_>>>()?;
    let ports = |place: &Place| format!("--port={}-{}", place.block.port(), place.block.last_port());
    let ports: Vec<String> = places.iter().map(ports).collect();
    let mut arguments = vec!["--source", "proc", "--interval", "20ms"];
    arguments.extend(ports.iter().map(String::as_str));
    let tracer = Arc::new(Tracer::start(&arguments)?);
    for (case, place) in cases.iter().zip(&places) {
        let rests = place
            .here
            .run(|| rest::watched_by(&tracer, &place.here, || (case.play)(place)))
            .with_context(|| format!("playing {:?}", case.name))?;
        let why = RESTLESS.iter().find(|(name, _)| *name == case.name).map(|(_, why)| why);
        ensure!((rests == 0) == why.is_some(), "{:?} rested {rests} times, but: {why:?}", case.name);
    }
    let trace = Arc::into_inner(tracer).context("somebody still looks")?.stop()?;
    let (rows, existing) = (trace.rows()?, trace.events()?.existing);
    let was_there = |row: &Row| existing.iter().any(|found| found.conn == row.conn);
    for (case, place) in cases.iter().zip(&places) {
        let rows = rows.iter().filter(|row| row.is_of(&place.block) && !was_there(row));
        tells_no_more_than_it_can(case, rows).with_context(|| format!("of {:?}", case.name))?;
    }
    Ok(())
}

/// The rows of each connection hang together, and tell a life of the case with gaps.
fn tells_no_more_than_it_can<'a>(case: &Case, rows: impl Iterator<Item = &'a Row>) -> Result<()> {
    let mut shown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in rows {
        let states = shown.entry(&row.conn).or_insert_with(|| vec!["CLOSE"]);
        ensure!(states.last() == Some(&row.old_state), "a step is missing before {row:#?}");
        ensure!(states.len() == 1 || row.old_state != "CLOSE", "it goes on after its end: {row:#?}");
        ensure!(row.source == Source::Proc && row.state_ns.is_none() && row.cgroup.is_none(), "{row:#?}");
        states.push(row.new_state);
    }
    for states in shown.into_values() {
        let is_one = |life: &&str| is_part(&states[1..], life);
        // Of a half-open connection that never was more the tracepoint knows nothing.
        let lived = case.lives.iter().chain(&["LISTEN SYN_RECV CLOSE"]).any(is_one);
        ensure!(lived, "{states:?} is no part of any of {:#?}", case.lives);
    }
    Ok(())
}

/// Whether the states come in this order in the life as it goes on in a timewait socket, with gaps.
fn is_part(states: &[&str], life: &str) -> bool {
    let life = life.replace("FIN_WAIT2 CLOSE", "FIN_WAIT2 TIME_WAIT CLOSE");
    let life = life.replace("CLOSING CLOSE", "CLOSING TIME_WAIT CLOSE");
    let mut lived = life.split_ascii_whitespace();
    states.iter().all(|state| lived.any(|other| other == *state))
}
