//! Every kind of connection, played over real sockets: the output tells its life as the kernel's own record does.

#![cfg(target_os = "linux")]

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    compare,
    event::{LostWhere, Row},
    lives::{self, Life},
    oracle::{ORDINARY, Oracle},
    refinement::{self, Rules},
    scenario::{self, Case, Place},
    skip,
    trace::Events,
    tracer::Tracer,
    wait,
};

#[test]
fn there_are_at_least_thirty_kinds() {
    assert!(scenario::all().count() >= 30);
}

#[test]
fn connections_closed_by_fins_live_as_the_kernel_says() -> Result<()> {
    hold_against_the_record(scenario::close::CASES)
}

#[test]
fn connections_ended_by_resets_live_as_the_kernel_says() -> Result<()> {
    hold_against_the_record(scenario::reset::CASES)
}

#[test]
fn opening_connections_live_as_the_kernel_says() -> Result<()> {
    hold_against_the_record(scenario::open::CASES)
}

#[test]
fn listeners_live_as_the_kernel_says() -> Result<()> {
    hold_against_the_record(scenario::listen::CASES)
}

#[test]
fn ipv6_and_mapped_connections_live_as_the_kernel_says() -> Result<()> {
    hold_against_the_record(scenario::ipv6::CASES)
}

#[test]
fn mptcp_connections_and_their_subflows_live_as_the_kernel_says() -> Result<()> {
    if skip::without_mptcp() {
        return Ok(());
    }
    hold_against_the_record(scenario::mptcp::CASES)
}

#[test]
fn connections_between_namespaces_live_as_the_kernel_says() -> Result<()> {
    hold_against_the_record(scenario::network::CASES)
}

#[test]
fn connections_that_change_hands_live_as_the_kernel_says() -> Result<()> {
    hold_against_the_record(scenario::process::CASES)
}

#[test]
fn the_classic_tracepoint_tells_the_same_lives() -> Result<()> {
    let cases = [scenario::close::CASES, scenario::reset::CASES, scenario::open::CASES].concat();
    play_beside_a_trace(&cases, &["--state-hook", "tracepoint"], refinement::CLASSIC)
}

fn hold_against_the_record(cases: &[Case]) -> Result<()> {
    play_beside_a_trace(cases, &[], refinement::TODAY)
}

/// How often an emulated processor may take so long over a program that others were skipped meanwhile, and told as lost.
const TRIES: usize = 3;

/// Plays the cases beside a trace, again where that is for want of speed.
fn play_beside_a_trace(cases: &[Case], arguments: &[&str], rules: Rules) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let mut tries = 1;
    while !play_once(cases, arguments, rules)? {
        ensure!(tries < TRIES, "transitions were lost to nested programs {TRIES} times");
        tries += 1;
    }
    Ok(())
}

/// Plays the cases one after the other beside one trace and one record, each in a place of its own. Says whether the
/// trace could tell all: not where the processor is emulated and programs were skipped.
fn play_once(cases: &[Case], arguments: &[&str], rules: Rules) -> Result<bool> {
    let places = cases.iter().map(|_| Place::new()).collect::<Result<Vec<_>>>()?;
    let blocks: Vec<_> = places.iter().map(|place| &place.block).collect();
    let mut oracle = Oracle::start(ORDINARY, &blocks)?;
    let tracer = Tracer::start(arguments)?;
    for (case, place) in cases.iter().zip(&places) {
        place.play(case).with_context(|| format!("playing {:?}", case.name))?;
    }
    let record = lives::completed(&mut oracle, &blocks)?;
    let trace = tracer.stop()?;
    let Events { losses, repaired, .. } = trace.events()?;
    if wait::is_slow() && losses.iter().any(|lost| lost.place == LostWhere::Nested) {
        eprintln!("played again: {losses:?}");
        return Ok(false);
    }
    let rows = trace.rows()?;
    for (case, place) in cases.iter().zip(&places) {
        let check = || {
            let record: Vec<Life> = record.iter().filter(|life| life.is_of(&place.block)).cloned().collect();
            made_what_it_should(case, &record)?;
            let rows = rows_of(&rows, place);
            // The classic tracepoint doesn't know the namespace.
            if arguments.is_empty() {
                name_the_namespace(&rows, place)?;
            }
            compare::hold_against(&record, rows, rules)
        };
        check().with_context(|| format!("after {:?}; what was repaired: {repaired:?}", case.name))?;
    }
    Ok(true)
}

/// All rows of the connections that were played there. The first of an MPTCP connection may not know its ends yet.
fn rows_of<'a>(rows: &'a [Row], place: &Place) -> Vec<&'a Row> {
    let played = rows.iter().filter(|row| row.is_of(&place.block)).map(|row| row.conn.as_str());
    let played: HashSet<&str> = played.collect();
    rows.iter().filter(|row| played.contains(row.conn.as_str())).collect()
}

/// The player did what the case says: otherwise it would prove nothing.
fn made_what_it_should(case: &Case, record: &[Life]) -> Result<()> {
    let mut made: Vec<String> = record.iter().map(|life| scenario::mptcp::as_planned(life.path())).collect();
    let mut expected = case.lives.to_vec();
    made.sort();
    expected.sort_unstable();
    ensure!(made == expected, "the kernel made {made:#?}, not {expected:#?}");
    Ok(())
}

fn name_the_namespace(rows: &[&Row], place: &Place) -> Result<()> {
    let here = Some(place.here.inum()?);
    ensure!(rows.is_empty() || rows.iter().any(|row| row.netns == here), "no row names the namespace");
    Ok(())
}
