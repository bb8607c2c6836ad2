//! What a trace tells of a connection: its states in order, and why it ended.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::{
    consistency,
    event::{Direction, Event, Found, Row},
    scenario::{self, Scenario, TestNet},
    skip,
    tracer::Tracer,
    wait,
};

/// A client that closed first.
pub const CLIENT_ACTIVE_CLOSE: &str = "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT(FinLocal)";
/// A server whose client closed first.
pub const SERVER_PASSIVE_CLOSE: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(FinRemote)";
/// A server that closed first.
pub const SERVER_ACTIVE_CLOSE: &str = "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT(FinLocal)";
/// A client whose server closed first.
pub const CLIENT_PASSIVE_CLOSE: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(FinRemote)";
/// A client that reset the connection.
pub const CLIENT_SENDS_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(ResetSent)";
/// A client whose server reset the connection.
pub const CLIENT_RECEIVES_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(ResetReceived)";
/// A server that reset the connection.
pub const SERVER_SENDS_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(ResetSent)";
/// A server whose client reset the connection.
pub const SERVER_RECEIVES_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(ResetReceived)";
/// A server that closed after a client whose host knows the connection no more.
pub const SERVER_LATE_PASSIVE_CLOSE: &str =
    "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(ResetReceived)";
/// A client that noticed that its server had vanished.
pub const CLIENT_TIMES_OUT: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(Timeout)";

/// A case's name, and the story of each of its connections.
pub type Expected = (&'static str, &'static [&'static str]);

/// Plays the cases one after the other beside one trace, each in a place of its own.
pub fn run_and_compare(reported: &[Expected]) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let nets = reported.iter().map(|_| TestNet::new()).collect::<Result<Vec<_>>>()?;
    let tracer = Tracer::start(&[])?;
    for ((name, _), net) in reported.iter().zip(&nets) {
        net.run(scenario(name)?).with_context(|| format!("playing {name:?}"))?;
    }
    for ((name, state_paths), net) in reported.iter().zip(&nets) {
        wait_for_state_paths(&tracer, net, state_paths).with_context(|| format!("after {name:?}"))?;
    }
    let rows = tracer.stop()?.rows()?;
    consistency::check(rows.iter().filter(|row| nets.iter().any(|net| row.belongs_to(&net.addresses))))
}

/// Plays once beside a trace and returns the rows, when they tell these stories.
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

/// Waits until the trace has told these stories of the place, and no others.
pub fn wait_for_state_paths(tracer: &Tracer, net: &TestNet, expected: &[&str]) -> Result<()> {
    let missing = tracer.start_event()?.missing;
    let sees_moment = !missing.iter().any(|missing| missing.what.starts_with(TIME_WAIT_START));
    // Where the moment is not seen, it comes with the end of TIME_WAIT, a minute later.
    let visible = |state_path: &str| {
        if sees_moment { state_path.to_owned() } else { state_path.replace(ACTIVE_CLOSE_END, " FIN_WAIT2") }
    };
    let mut expected: Vec<String> = expected.iter().map(|state_path| visible(state_path)).collect();
    expected.sort_unstable();
    let mut reported = Vec::new();
    wait::until("the stories are told", || {
        reported =
            state_paths(&rows_so_far(tracer, net)?).iter().map(|state_path| visible(state_path)).collect();
        reported.sort_unstable();
        Ok((reported == expected).then_some(()))
    })
    .with_context(|| format!("told were {reported:#?}, not {expected:#?}"))
}

/// What a trace calls FIN_WAIT2→TIME_WAIT where it sees that only when the timer runs out.
pub const TIME_WAIT_START: &str = "the moment of FIN_WAIT2→TIME_WAIT";
/// The end of a connection that was closed here first.
const ACTIVE_CLOSE_END: &str = " FIN_WAIT2 TIME_WAIT(FinLocal)";

/// The transitions of the place's connections that the trace has shown.
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

/// Waits until the trace has shown at least so many of these.
pub fn wait_for_rows(tracer: &Tracer, net: &TestNet, count: usize) -> Result<()> {
    wait::until(&format!("{count} rows are shown"), || {
        Ok((rows_so_far(tracer, net)?.len() >= count).then_some(()))
    })
}

/// The connections of the place's namespace that the trace has found at its start.
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

/// Each connection's states with its reason, sorted; without listeners, and without when a TIME_WAIT ends.
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

/// The case of this name.
pub fn scenario(name: &str) -> Result<&'static Scenario> {
    scenario::all()
        .find(|scenario| scenario.name == name)
        .with_context(|| format!("there is no case {name:?}"))
}

/// The one row that is wanted.
pub fn only(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Result<&Row> {
    let mut found = rows.iter().filter(|row| wanted(row));
    let row = found.next().context("no such row")?;
    ensure!(found.next().is_none(), "two such rows");
    Ok(row)
}
