//! Every kind of connection over real sockets: the output shows the same transitions as the kernel's own record.

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
fn there_are_at_least_thirty_scenarios() {
    assert!(scenario::all().count() >= 30);
}

#[test]
fn connections_closed_by_fins_are_shown_as_the_kernel_records_them() -> Result<()> {
    compare_with_record(scenario::close::SCENARIOS)
}

#[test]
fn connections_ended_by_resets_are_shown_as_the_kernel_records_them() -> Result<()> {
    compare_with_record(scenario::reset::SCENARIOS)
}

#[test]
fn opening_connections_are_shown_as_the_kernel_records_them() -> Result<()> {
    compare_with_record(scenario::open::SCENARIOS)
}

#[test]
fn listeners_are_shown_as_the_kernel_records_them() -> Result<()> {
    compare_with_record(scenario::listen::SCENARIOS)
}

#[test]
fn ipv6_and_mapped_connections_are_shown_as_the_kernel_records_them() -> Result<()> {
    compare_with_record(scenario::ipv6::SCENARIOS)
}

#[test]
fn mptcp_connections_and_their_subflows_are_shown_as_the_kernel_records_them() -> Result<()> {
    if skip::without_mptcp() {
        return Ok(());
    }
    compare_with_record(scenario::mptcp::SCENARIOS)
}

#[test]
fn connections_between_namespaces_are_shown_as_the_kernel_records_them() -> Result<()> {
    compare_with_record(scenario::network::SCENARIOS)
}

#[test]
fn connections_that_move_between_processes_are_shown_as_the_kernel_records_them() -> Result<()> {
    compare_with_record(scenario::process::SCENARIOS)
}

#[test]
fn the_classic_tracepoint_alone_shows_the_recorded_transitions() -> Result<()> {
    let scenarios =
        [scenario::close::SCENARIOS, scenario::reset::SCENARIOS, scenario::open::SCENARIOS].concat();
    run_with_trace(&scenarios, &["--state-hook", "tracepoint"], normalization::CLASSIC_TRACEPOINT)
}

fn compare_with_record(scenarios: &[Scenario]) -> Result<()> {
    run_with_trace(scenarios, &[], normalization::DEFAULT)
}

/// How often scenarios run in all if a run fails by chance.
const TRIES: usize = 3;

/// An emulated CPU ran a BPF program for so long that the kernel skipped others meanwhile. The trace reports them as
/// lost.
#[derive(Debug)]
struct ProgramsSkipped;

impl fmt::Display for ProgramsSkipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the kernel skipped nested programs")
    }
}

impl Error for ProgramsSkipped {}

/// Runs the scenarios beside a trace. A run that fails by chance is repeated.
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

/// Runs the scenarios one after the other beside one trace and one record, each in a network of its own, and
/// compares.
fn run_once(scenarios: &[Scenario], arguments: &[&str], comparison: Comparison) -> Result<()> {
    let nets = scenarios.iter().map(|_| TestNet::new()).collect::<Result<Vec<_>>>()?;
    let blocks: Vec<_> = nets.iter().map(|net| &net.addresses).collect();
    let mut oracle = Oracle::start(ORDINARY, &blocks)?;
    let tracer = Tracer::start(arguments)?;
    for (scenario, net) in scenarios.iter().zip(&nets) {
        net.run(scenario).with_context(|| format!("running {:?}", scenario.name))?;
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
            has_expected_histories(scenario, &record)?;
            let rows = rows_of(&rows, net);
            // The classic tracepoint doesn't know the namespace.
            if arguments.is_empty() {
                rows_name_the_namespace(&rows, net)?;
            }
            compare::with_record(&record, rows, comparison)
        };
        check().with_context(|| format!("after {:?}; repaired: {repaired:?}", scenario.name))?;
    }
    Ok(())
}

/// All rows of the network's connections. The first row of an MPTCP connection may lack the tuple.
fn rows_of<'a>(rows: &'a [Row], net: &TestNet) -> Vec<&'a Row> {
    let names = rows.iter().filter(|row| row.belongs_to(&net.addresses)).map(|row| &*row.conn);
    let names: HashSet<&str> = names.collect();
    rows.iter().filter(|row| names.contains(&*row.conn)).collect()
}

/// The scenario has caused the transitions that it declares. Otherwise the comparison would prove nothing.
fn has_expected_histories(scenario: &Scenario, record: &[History]) -> Result<()> {
    let mut recorded: Vec<String> =
        record.iter().map(|history| scenario::mptcp::with_expected_timing(history.path())).collect();
    let mut expected = scenario.histories.to_vec();
    recorded.sort();
    expected.sort_unstable();
    ensure!(recorded == expected, "the kernel recorded {recorded:#?}, not {expected:#?}");
    Ok(())
}

fn rows_name_the_namespace(rows: &[&Row], net: &TestNet) -> Result<()> {
    let netns = Some(net.netns.inum()?);
    ensure!(rows.is_empty() || rows.iter().any(|row| row.netns == netns), "no row names the namespace");
    Ok(())
}
