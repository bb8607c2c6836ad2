//! Every kind of connection, played over real sockets: the output tells its life as the kernel's own record does.

#![cfg(target_os = "linux")]

use std::{collections::HashSet, error::Error, fmt};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    compare,
    event::{LostWhere, Row},
    history::{self, History},
    normalization::{self, Comparison},
    oracle::{ORDINARY, Oracle},
    scenario::{self, Scenario, TestNet},
    skip,
    trace::Events,
    tracer::Tracer,
    unobserved, wait,
};

#[test]
fn there_are_at_least_thirty_kinds() {
    assert!(scenario::all().count() >= 30);
}

#[test]
fn connections_closed_by_fins_live_as_the_kernel_says() -> Result<()> {
    compare_with_record(scenario::close::SCENARIOS)
}

#[test]
fn connections_ended_by_resets_live_as_the_kernel_says() -> Result<()> {
    compare_with_record(scenario::reset::SCENARIOS)
}

#[test]
fn opening_connections_live_as_the_kernel_says() -> Result<()> {
    compare_with_record(scenario::open::SCENARIOS)
}

#[test]
fn listeners_live_as_the_kernel_says() -> Result<()> {
    compare_with_record(scenario::listen::SCENARIOS)
}

#[test]
fn ipv6_and_mapped_connections_live_as_the_kernel_says() -> Result<()> {
    compare_with_record(scenario::ipv6::SCENARIOS)
}

#[test]
fn mptcp_connections_and_their_subflows_live_as_the_kernel_says() -> Result<()> {
    if skip::without_mptcp() {
        return Ok(());
    }
    compare_with_record(scenario::mptcp::SCENARIOS)
}

#[test]
fn connections_between_namespaces_live_as_the_kernel_says() -> Result<()> {
    compare_with_record(scenario::network::SCENARIOS)
}

#[test]
fn connections_that_change_hands_live_as_the_kernel_says() -> Result<()> {
    compare_with_record(scenario::process::SCENARIOS)
}

#[test]
fn the_classic_tracepoint_tells_the_same_lives() -> Result<()> {
    let scenarios =
        [scenario::close::SCENARIOS, scenario::reset::SCENARIOS, scenario::open::SCENARIOS].concat();
    run_with_trace(&scenarios, &["--state-hook", "tracepoint"], normalization::CLASSIC_TRACEPOINT)
}

fn compare_with_record(scenarios: &[Scenario]) -> Result<()> {
    run_with_trace(scenarios, &[], normalization::DEFAULT)
}

/// How often scenarios run in all, where a run failed by chance.
const TRIES: usize = 3;

/// An emulated CPU took so long over a program that the kernel skipped others meanwhile. The trace reported them as lost.
#[derive(Debug)]
struct ProgramsSkipped;

impl fmt::Display for ProgramsSkipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kernel skipped nested programs")
    }
}

impl Error for ProgramsSkipped {}

/// Runs the scenarios beside a trace, and again after a failure that is due to chance.
fn run_with_trace(scenarios: &[Scenario], arguments: &[&str], comparison: Comparison) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut tries = 1;
    while let Err(error) = run_once(scenarios, arguments, comparison) {
        let is_by_chance = error.is::<ProgramsSkipped>() || error.is::<unobserved::TooMany>();
        if !is_by_chance || tries == TRIES {
            return Err(error);
        }
        eprintln!("the scenarios run again: {error:#}");
        tries += 1;
    }
    Ok(())
}

/// Runs the scenarios one after the other beside one trace and one record, each in a network of its own, and compares.
fn run_once(scenarios: &[Scenario], arguments: &[&str], comparison: Comparison) -> Result<()> {
    let nets = scenarios.iter().map(|_| TestNet::new()).collect::<Result<Vec<_>>>()?;
    let blocks: Vec<_> = nets.iter().map(|net| &net.addresses).collect();
    let mut oracle = Oracle::start(ORDINARY, &blocks)?;
    let tracer = Tracer::start(arguments)?;
    for (scenario, net) in scenarios.iter().zip(&nets) {
        net.run(scenario).with_context(|| format!("playing {:?}", scenario.name))?;
    }
    let record = history::completed(&mut oracle, &blocks)?;
    let trace = tracer.stop()?;
    let Events { losses, repaired, .. } = trace.events()?;
    let skipped = losses.iter().any(|lost| lost.place == LostWhere::Nested);
    ensure!(!(wait::is_slow() && skipped), ProgramsSkipped);
    let rows = trace.rows()?;
    for (scenario, net) in scenarios.iter().zip(&nets) {
        let check = || {
            let record: Vec<History> =
                record.iter().filter(|history| history.belongs_to(&net.addresses)).cloned().collect();
            made_expected_histories(scenario, &record)?;
            let rows = rows_of(&rows, net);
            // The classic tracepoint doesn't know the namespace.
            if arguments.is_empty() {
                name_the_namespace(&rows, net)?;
            }
            compare::with_record(&record, rows, comparison)
        };
        check().with_context(|| format!("after {:?}; what was repaired: {repaired:?}", scenario.name))?;
    }
    Ok(())
}

/// All rows of the connections that were played there. The first of an MPTCP connection may not know its ends yet.
fn rows_of<'a>(rows: &'a [Row], net: &TestNet) -> Vec<&'a Row> {
    let run = rows.iter().filter(|row| row.belongs_to(&net.addresses)).map(|row| &*row.conn);
    let run: HashSet<&str> = run.collect();
    rows.iter().filter(|row| run.contains(&*row.conn)).collect()
}

/// The player did what the case says: otherwise it would prove nothing.
fn made_expected_histories(scenario: &Scenario, record: &[History]) -> Result<()> {
    let mut made: Vec<String> =
        record.iter().map(|history| scenario::mptcp::with_expected_timing(history.path())).collect();
    let mut expected = scenario.histories.to_vec();
    made.sort();
    expected.sort_unstable();
    ensure!(made == expected, "the kernel made {made:#?}, not {expected:#?}");
    Ok(())
}

fn name_the_namespace(rows: &[&Row], net: &TestNet) -> Result<()> {
    let netns = Some(net.netns.inum()?);
    ensure!(rows.is_empty() || rows.iter().any(|row| row.netns == netns), "no row names the namespace");
    Ok(())
}
