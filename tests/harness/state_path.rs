//! State paths: the states of a connection in order, with the close reason, as a trace shows them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::{
    consistency,
    event::{Direction, Event, Found, Row},
    scenario::{self, TestNet},
    tracer::Tracer,
    wait,
};

/// A client that closes first.
pub const CLIENT_ACTIVE_CLOSE: &str = "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT(FinLocal)";
/// A server whose client closes first.
pub const SERVER_PASSIVE_CLOSE: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(FinRemote)";
/// A server that closes first.
pub const SERVER_ACTIVE_CLOSE: &str = "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT(FinLocal)";
/// A client whose server closes first.
pub const CLIENT_PASSIVE_CLOSE: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(FinRemote)";
/// A client that resets the connection.
pub const CLIENT_SENDS_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(ResetSent)";
/// A client whose server resets the connection.
pub const CLIENT_RECEIVES_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(ResetReceived)";
/// A server that resets the connection.
pub const SERVER_SENDS_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(ResetSent)";
/// A server whose client resets the connection.
pub const SERVER_RECEIVES_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(ResetReceived)";
/// A server that closes after its client's host has forgotten the connection.
pub const SERVER_LATE_PASSIVE_CLOSE: &str =
    "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(ResetReceived)";
/// A client whose server has disappeared.
pub const CLIENT_TIMES_OUT: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(Timeout)";

/// A scenario's name, and the state path of each of its connections.
pub type Expected = (&'static str, &'static [&'static str]);

/// Runs the scenarios one after the other beside one trace, each in a network of its own, and compares the state paths.
pub fn run_and_compare(expected: &[Expected]) -> Result<()> {
    let nets = expected.iter().map(|_| TestNet::new()).collect::<Result<Vec<_>>>()?;
    let tracer = Tracer::start(&[])?;
    for ((name, _), net) in expected.iter().zip(&nets) {
        net.run(scenario::named(name)?).with_context(|| format!("running {name:?}"))?;
    }
    for ((name, state_paths), net) in expected.iter().zip(&nets) {
        wait_for_state_paths(&tracer, net, state_paths).with_context(|| format!("after {name:?}"))?;
    }
    let rows = tracer.stop()?.rows()?;
    consistency::check(rows.iter().filter(|row| nets.iter().any(|net| row.belongs_to(&net.addresses))))
}

/// Runs `run` beside a trace. Returns the rows once they have these state paths.
pub fn trace_one(state_paths: &[&str], run: impl FnOnce(&TestNet) -> Result<()> + Send) -> Result<Vec<Row>> {
    let net = TestNet::new()?;
    let tracer = Tracer::start(&[])?;
    net.netns.run(|| run(&net))?;
    wait_for_state_paths(&tracer, &net, state_paths)?;
    let mut rows = tracer.stop()?.rows()?;
    rows.retain(|row| row.belongs_to(&net.addresses));
    consistency::check(&rows)?;
    Ok(rows)
}

/// Waits until the trace has shown exactly these state paths in the network.
pub fn wait_for_state_paths(tracer: &Tracer, net: &TestNet, expected: &[&str]) -> Result<()> {
    let missing = tracer.start_event()?.missing;
    let observes_start = !missing.iter().any(|missing| missing.what.starts_with(TIME_WAIT_START));
    // Where no hook observes the start of TIME_WAIT, it is shown when TIME_WAIT ends, a minute later.
    let visible = |state_path: &str| {
        if observes_start {
            state_path.to_owned()
        } else {
            state_path.replace(ACTIVE_CLOSE_END, " FIN_WAIT2")
        }
    };
    let mut expected: Vec<String> = expected.iter().map(|state_path| visible(state_path)).collect();
    expected.sort_unstable();
    let mut reported = Vec::new();
    wait::until("the trace shows the state paths", || {
        reported =
            state_paths(&rows_so_far(tracer, net)?).iter().map(|state_path| visible(state_path)).collect();
        reported.sort_unstable();
        Ok((reported == expected).then_some(()))
    })
    .with_context(|| format!("the trace shows {reported:#?}, not {expected:#?}"))
}

/// The fact that is missing from a trace that observes FIN_WAIT2→TIME_WAIT only when TIME_WAIT ends.
pub const TIME_WAIT_START: &str = "the moment of FIN_WAIT2→TIME_WAIT";
/// The last states of an end that closes first.
const ACTIVE_CLOSE_END: &str = " FIN_WAIT2 TIME_WAIT(FinLocal)";

/// The transitions that the trace has shown of the network's connections.
pub fn rows_so_far(tracer: &Tracer, net: &TestNet) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in tracer.lines_so_far()?.lines() {
        match Event::parse(line)? {
            Event::Transition(row) if row.belongs_to(&net.addresses) => rows.push(*row),
            _ => {}
        }
    }
    Ok(rows)
}

/// Waits until the trace has shown at least so many transitions.
pub fn wait_for_rows(tracer: &Tracer, net: &TestNet, count: usize) -> Result<()> {
    wait::until(&format!("{count} rows are shown"), || {
        Ok((rows_so_far(tracer, net)?.len() >= count).then_some(()))
    })
}

/// The existing connections that the trace has shown in the network's namespace.
pub fn existing_so_far(tracer: &Tracer, net: &TestNet) -> Result<Vec<Found>> {
    let netns = Some(net.netns.inum()?);
    let mut all = Vec::new();
    for line in tracer.lines_so_far()?.lines() {
        match Event::parse(line)? {
            Event::Existing(found) if found.netns == netns => all.push(*found),
            _ => {}
        }
    }
    Ok(all)
}

/// The state path of each connection with its close reason, sorted. Listeners and the end of TIME_WAIT are left out.
pub fn state_paths(rows: &[Row]) -> Vec<String> {
    let mut state_paths: BTreeMap<&str, String> = BTreeMap::new();
    for row in rows {
        if row.direction == Some(Direction::Listen) || row.old_state == "TIME_WAIT" {
            continue;
        }
        let state_path = state_paths.entry(&row.conn).or_insert_with(|| row.old_state.to_owned());
        *state_path += &format!(" {}", row.new_state);
        if let Some(reason) = row.close_reason {
            *state_path += &format!("({reason:?})");
        }
    }
    let mut state_paths: Vec<String> = state_paths.into_values().collect();
    state_paths.sort_unstable();
    state_paths
}

/// The one row for which `wanted` is true. An error if there are none or more.
pub fn only(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Result<&Row> {
    let mut found = rows.iter().filter(|row| wanted(row));
    let row = found.next().context("no such row")?;
    ensure!(found.next().is_none(), "two such rows");
    Ok(row)
}
