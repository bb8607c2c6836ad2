//! Compares the output with the kernel's record: every connection is shown, none is invented, every transition is the
//! same.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    net::SocketAddr,
    time::Duration,
};

use anyhow::{Result, bail, ensure};

use crate::{
    consistency,
    event::Row,
    history::{self, History},
    normalization::{Comparison, Rule},
    oracle::Protocol,
    state::State,
    unobserved::Unobserved,
};

/// The largest accepted difference between the two timestamps of a transition. They are taken microseconds apart, but
/// a virtual machine may be stopped in between. The limit finds a wrong clock or a wrong unit.
const SAME_TIME: Duration = Duration::from_secs(10);

/// How many differences an error shows.
const SHOWN: usize = 8;

/// What identifies a connection in both accounts, apart from its times.
#[derive(PartialEq, Eq, Hash)]
struct Key(Protocol, Vec<(SocketAddr, Option<SocketAddr>, State, State)>);

#[derive(Default)]
struct Found<'a> {
    expected: Vec<&'a History>,
    shown: Vec<&'a History>,
}

/// Compares all connections except those that no program could observe. An error lists the differences, names the
/// first row that contradicts an earlier one, or says that more connections are left out than the scenario allows.
pub fn with_record<'a>(
    record: &[History],
    rows: impl IntoIterator<Item = &'a Row>,
    comparison: Comparison,
) -> Result<()> {
    let unobserved = Unobserved::in_record(record, comparison.max_unobserved)?;
    let rows: Vec<&Row> = rows.into_iter().collect();
    let (left_out, compared): (Vec<_>, Vec<_>) = history::by_connection(rows.iter().copied())
        .into_iter()
        .partition(|(_, history)| unobserved.has(history));
    let names: HashSet<&str> = compared.iter().map(|(conn, _)| *conn).collect();
    consistency::check(rows.into_iter().filter(|row| names.contains(&*row.conn)))?;
    let output: Vec<History> = left_out.into_iter().chain(compared).map(|(_, history)| history).collect();
    same_histories(record, &output, comparison, &unobserved)
}

/// Compares two accounts of the same connections. An error lists the differences. Unobserved connections are not
/// compared: the output may lack them, but must not show more of them than the record has.
pub fn same_histories(
    record: &[History],
    output: &[History],
    comparison: Comparison,
    unobserved: &Unobserved,
) -> Result<()> {
    let split = |histories: &[History], rules| {
        let (left_out, compared): (Vec<_>, Vec<_>) =
            histories.iter().cloned().partition(|history| unobserved.has(history));
        (normalized(left_out, rules).len(), normalized(compared, rules))
    };
    let (recorded, record) = split(record, comparison.record);
    let (shown, output) = split(output, comparison.output);
    ensure!(shown <= recorded, "{shown} connections with the tuples of {recorded} unobserved ones are shown");
    let mut found: HashMap<Key, Found<'_>> = HashMap::new();
    for history in &record {
        found.entry(key(history)).or_default().expected.push(history);
    }
    for history in &output {
        found.entry(key(history)).or_default().shown.push(history);
    }
    let mut differences: Vec<String> = found.values().flat_map(differences_of).collect();
    if differences.is_empty() {
        return Ok(());
    }
    differences.sort();
    let mut text = format!("{} connections differ from the kernel's record", differences.len());
    for difference in differences.iter().take(SHOWN) {
        write!(text, "\n  {difference}")?;
    }
    bail!(text)
}

fn normalized(mut histories: Vec<History>, rules: &[Rule]) -> Vec<History> {
    for history in &mut histories {
        rules.iter().for_each(|rule| rule(history));
    }
    histories.retain(|history| !history.transitions.is_empty());
    histories
}

fn key(history: &History) -> Key {
    let transitions = history
        .transitions
        .iter()
        .map(|transition| (transition.local, transition.remote, transition.old, transition.new))
        .collect();
    Key(history.protocol, transitions)
}

/// Pairs the histories with the same key by time: nothing else distinguishes them.
fn differences_of(found: &Found<'_>) -> Vec<String> {
    let begin = |history: &&History| history.transitions.first().map_or(0, |transition| transition.mono_ns);
    let (mut expected, mut shown) = (found.expected.clone(), found.shown.clone());
    expected.sort_by_key(begin);
    shown.sort_by_key(begin);
    let paired = expected.len().min(shown.len());
    let mut differences = Vec::new();
    for (history, shown) in expected.iter().zip(&shown) {
        let apart = Duration::from_nanos(begin(history).abs_diff(begin(shown)));
        if apart > SAME_TIME {
            differences.push(format!("shown {apart:?} away from its time: {shown}"));
        }
    }
    differences.extend(expected[paired..].iter().map(|history| format!("not shown: {history}")));
    differences.extend(shown[paired..].iter().map(|history| format!("not in the record: {history}")));
    differences
}
