//! What a trace tells of a connection: its states in order, and why it ended.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::{
    consistency,
    event::{Direction, Event, Found, Row},
    scenario::{self, Case, Place},
    skip,
    tracer::Tracer,
    wait,
};

/// A client that closed first.
pub const CLIENT_CLOSES: &str = "CLOSE SYN_SENT ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT(FinLocal)";
/// A server whose client closed first.
pub const SERVER_FOLLOWS: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(FinRemote)";
/// A server that closed first.
pub const SERVER_CLOSES: &str = "LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT(FinLocal)";
/// A client whose server closed first.
pub const CLIENT_FOLLOWS: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(FinRemote)";
/// A client that reset the connection.
pub const CLIENT_RESETS: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(ResetSent)";
/// A client whose server reset the connection.
pub const CLIENT_IS_RESET: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(ResetReceived)";
/// A server that reset the connection.
pub const SERVER_RESETS: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(ResetSent)";
/// A server whose client reset the connection.
pub const SERVER_IS_RESET: &str = "LISTEN SYN_RECV ESTABLISHED CLOSE(ResetReceived)";
/// A server that closed after a client whose host knows the connection no more.
pub const SERVER_FOLLOWS_NOBODY: &str =
    "LISTEN SYN_RECV ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE(ResetReceived)";
/// A client that noticed that its server had vanished.
pub const CLIENT_TIMES_OUT: &str = "CLOSE SYN_SENT ESTABLISHED CLOSE(Timeout)";

/// A case's name, and the story of each of its connections.
pub type Told = (&'static str, &'static [&'static str]);

/// Plays the cases one after the other beside one trace, each in a place of its own.
pub fn play_and_compare(told: &[Told]) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let places = told.iter().map(|_| Place::new()).collect::<Result<Vec<_>>>()?;
    let tracer = Tracer::start(&[])?;
    for ((name, _), place) in told.iter().zip(&places) {
        place.play(case(name)?).with_context(|| format!("playing {name:?}"))?;
    }
    for ((name, stories), place) in told.iter().zip(&places) {
        wait_for_stories(&tracer, place, stories).with_context(|| format!("after {name:?}"))?;
    }
    let rows = tracer.stop()?.rows()?;
    consistency::check(rows.iter().filter(|row| places.iter().any(|place| row.is_of(&place.block))))
}

/// Plays once beside a trace and returns the rows, when they tell these stories.
pub fn trace_one(stories: &[&str], play: impl FnOnce(&Place) -> Result<()> + Send) -> Result<Vec<Row>> {
    let place = Place::new()?;
    let tracer = Tracer::start(&[])?;
    place.here.run(|| play(&place))?;
    wait_for_stories(&tracer, &place, stories)?;
    let mut rows = tracer.stop()?.rows()?;
    rows.retain(|row| row.is_of(&place.block));
    consistency::check(&rows)?;
    Ok(rows)
}

/// Waits until the trace has told these stories of the place, and no others.
pub fn wait_for_stories(tracer: &Tracer, place: &Place, expected: &[&str]) -> Result<()> {
    let missing = tracer.start_event()?.missing;
    let sees_moment = !missing.iter().any(|missing| missing.what.starts_with(MOMENT));
    // Where the moment is not seen, it comes with the end of TIME_WAIT, a minute later.
    let visible =
        |story: &str| if sees_moment { story.to_owned() } else { story.replace(REST, " FIN_WAIT2") };
    let mut expected: Vec<String> = expected.iter().map(|story| visible(story)).collect();
    expected.sort_unstable();
    let mut told = Vec::new();
    wait::until("the stories are told", || {
        told = stories(&rows_so_far(tracer, place)?).iter().map(|story| visible(story)).collect();
        told.sort_unstable();
        Ok((told == expected).then_some(()))
    })
    .with_context(|| format!("told were {told:#?}, not {expected:#?}"))
}

/// What a trace calls FIN_WAIT2→TIME_WAIT where it sees that only when the timer runs out.
pub const MOMENT: &str = "the moment of FIN_WAIT2→TIME_WAIT";
/// The end of a connection that was closed here first.
const REST: &str = " FIN_WAIT2 TIME_WAIT(FinLocal)";

/// The transitions of the place's connections that the trace has shown.
pub fn rows_so_far(tracer: &Tracer, place: &Place) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for line in tracer.lines_so_far()?.lines() {
        match Event::parse(line)? {
            Event::Transition(row) if row.is_of(&place.block) => rows.push(*row),
            _ => {}
        }
    }
    Ok(rows)
}

/// Waits until the trace has shown at least so many of these.
pub fn wait_for_rows(tracer: &Tracer, place: &Place, count: usize) -> Result<()> {
    wait::until(&format!("{count} rows are shown"), || {
        Ok((rows_so_far(tracer, place)?.len() >= count).then_some(()))
    })
}

/// The connections of the place's namespace that the trace has found at its start.
pub fn found_so_far(tracer: &Tracer, place: &Place) -> Result<Vec<Found>> {
    let here = Some(place.here.inum()?);
    let mut all = Vec::new();
    for line in tracer.lines_so_far()?.lines() {
        match Event::parse(line)? {
            Event::Existing(found) if found.netns == here => all.push(*found),
            _ => {}
        }
    }
    Ok(all)
}

/// Each connection's states with its reason, sorted; without listeners, and without when a TIME_WAIT ends.
pub fn stories(rows: &[Row]) -> Vec<String> {
    let mut stories: BTreeMap<&str, String> = BTreeMap::new();
    for row in rows {
        if row.direction == Some(Direction::Listen) || row.old_state == "TIME_WAIT" {
            continue;
        }
        let story = stories.entry(&row.conn).or_insert_with(|| row.old_state.to_owned());
        *story += &format!(" {}", row.new_state);
        if let Some(reason) = row.close_reason {
            *story += &format!("({reason:?})");
        }
    }
    let mut stories: Vec<String> = stories.into_values().collect();
    stories.sort_unstable();
    stories
}

/// The case of this name.
pub fn case(name: &str) -> Result<&'static Case> {
    scenario::all().find(|case| case.name == name).with_context(|| format!("there is no case {name:?}"))
}

/// The one row that is wanted.
pub fn only(rows: &[Row], wanted: impl Fn(&Row) -> bool) -> Result<&Row> {
    let mut found = rows.iter().filter(|row| wanted(row));
    let row = found.next().context("no such row")?;
    ensure!(found.next().is_none(), "two such rows");
    Ok(row)
}
