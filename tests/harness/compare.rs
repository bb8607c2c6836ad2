//! The output held against the kernel's record: every connection there, none invented, each step the same.

use std::{collections::HashMap, fmt::Write as _, net::SocketAddr, time::Duration};

use anyhow::{Result, bail, ensure};

use crate::{
    blind::Blind,
    consistency,
    event::Row,
    lives::{self, Life},
    oracle::Protocol,
    refinement::{Refinement, Rules},
    state::State,
};

/// How far the two stamps of one transition may be apart. They are taken microseconds after each other, but a
/// virtual machine may stand still in between; what this finds is a wrong clock or a wrong unit.
const SAME_TIME: Duration = Duration::from_secs(10);

/// How many differences an error shows.
const SHOWN: usize = 8;

/// What makes two lives the same, apart from when they were lived.
#[derive(PartialEq, Eq, Hash)]
struct Key(Protocol, Vec<(SocketAddr, Option<SocketAddr>, State, State)>);

#[derive(Default)]
struct Found<'a> {
    expected: Vec<&'a Life>,
    shown: Vec<&'a Life>,
}

/// An error that names the differences, if there are any, or the first row that contradicts those before it.
pub fn hold_against<'a>(
    record: &[Life],
    rows: impl IntoIterator<Item = &'a Row>,
    rules: Rules,
) -> Result<()> {
    let blind = Blind::of(record);
    let visible: Vec<Life> = record.iter().filter(|life| !blind.has_life(life)).cloned().collect();
    ensure!(visible.len() >= record.len() / 2, "programs see next to nothing here");
    let rows: Vec<&Row> = rows.into_iter().filter(|row| !blind.may_have(row.local(), row.remote())).collect();
    consistency::check(rows.iter().copied())?;
    same_lives(&visible, &lives::of_rows(rows), rules)
}

/// An error that names the differences between two accounts of the same connections, if there are any.
pub fn same_lives(record: &[Life], output: &[Life], rules: Rules) -> Result<()> {
    let (record, output) = (refined(record, rules.record), refined(output, rules.output));
    let mut found: HashMap<Key, Found<'_>> = HashMap::new();
    for life in &record {
        found.entry(key(life)).or_default().expected.push(life);
    }
    for life in &output {
        found.entry(key(life)).or_default().shown.push(life);
    }
    let mut differences: Vec<String> = found.values().flat_map(differences_of).collect();
    if differences.is_empty() {
        return Ok(());
    }
    differences.sort();
    let mut text = format!("{} lives differ from the kernel's record", differences.len());
    for difference in differences.iter().take(SHOWN) {
        write!(text, "\n  {difference}")?;
    }
    bail!(text)
}

fn refined(lives: &[Life], refinements: &[Refinement]) -> Vec<Life> {
    let mut lives = lives.to_vec();
    for life in &mut lives {
        refinements.iter().for_each(|refine| refine(life));
    }
    lives.retain(|life| !life.steps.is_empty());
    lives
}

fn key(life: &Life) -> Key {
    let steps = life.steps.iter().map(|step| (step.local, step.remote, step.old, step.new)).collect();
    Key(life.protocol, steps)
}

/// Lives with the same key are told apart by time alone, so they are paired in its order.
fn differences_of(found: &Found<'_>) -> Vec<String> {
    let begin = |life: &&Life| life.steps.first().map_or(0, |step| step.mono_ns);
    let (mut expected, mut shown) = (found.expected.clone(), found.shown.clone());
    expected.sort_by_key(begin);
    shown.sort_by_key(begin);
    let paired = expected.len().min(shown.len());
    let mut differences = Vec::new();
    for (life, shown) in expected.iter().zip(&shown) {
        let apart = Duration::from_nanos(begin(life).abs_diff(begin(shown)));
        if apart > SAME_TIME {
            differences.push(format!("shown {apart:?} away from its time: {shown}"));
        }
    }
    differences.extend(expected[paired..].iter().map(|life| format!("not shown: {life}")));
    differences.extend(shown[paired..].iter().map(|life| format!("not in the record: {life}")));
    differences
}
