//! The output and the exit status of a trace that has ended.

use std::process::ExitStatus;

use anyhow::{Context as _, Result, bail, ensure};

use crate::event::{End, Event, Found, Lost, LostWhat, Row, Start};

/// The numbers of the summary line on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Transitions that were written to stdout.
    pub seen: u64,
    /// Transitions that were lost.
    pub lost: u64,
    /// Transitions that were inferred from a snapshot.
    pub repaired: u64,
}

/// What a trace has left.
#[derive(Debug)]
pub struct Trace {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its whole stdout.
    pub stdout: String,
    /// Its whole stderr.
    pub stderr: String,
}

/// The events of a JSON trace.
#[derive(Debug)]
pub struct Events {
    /// The first event: what the trace can observe.
    pub start: Start,
    /// The transitions.
    pub rows: Vec<Row>,
    /// The connections that existed at the start.
    pub existing: Vec<Found>,
    /// The repaired connections.
    pub repaired: Vec<Found>,
    /// The losses.
    pub losses: Vec<Lost>,
    /// The last event. None if no reader took it in time.
    pub end: Option<End>,
}

impl Events {
    /// The sum of all `lost` events of this kind.
    pub fn lost(&self, what: LostWhat) -> u64 {
        self.losses.iter().filter(|lost| lost.what == what).map(|lost| lost.count).sum()
    }
}

impl Trace {
    /// Parses the whole stdout.
    pub fn events(&self) -> Result<Events> {
        let mut lines = self.stdout.lines().map(Event::parse);
        let Some(Event::Start(start)) = lines.next().transpose()? else {
            bail!("it doesn't begin with `start`")
        };
        let mut events = Events {
            start,
            rows: Vec::new(),
            existing: Vec::new(),
            repaired: Vec::new(),
            losses: Vec::new(),
            end: None,
        };
        for event in lines {
            ensure!(events.end.is_none(), "`end` isn't the last event");
            match event? {
                Event::Start(start) => bail!("a second start: {start:?}"),
                Event::Transition(row) => events.rows.push(*row),
                Event::Existing(found) => events.existing.push(*found),
                Event::Repaired(found) => events.repaired.push(*found),
                Event::Lost(lost) => events.losses.push(lost),
                Event::End(end) => events.end = Some(end),
            }
        }
        Ok(events)
    }

    /// The transitions. An error if the trace has no `end`, or lost any.
    pub fn rows(&self) -> Result<Vec<Row>> {
        let events = self.events()?;
        let end = events.end.context("no `end`")?;
        ensure!(end.lost == Some(0) && events.losses.is_empty(), "lost: {:?}, {end:?}", events.losses);
        ensure!(
            end.transitions == u64::try_from(events.rows.len())?,
            "{} rows, but {end:?}",
            events.rows.len()
        );
        Ok(events.rows)
    }

    /// The summary on stderr: `rnetstat-trace: 1234 transitions seen, 0 lost, 0 repaired, in 3.2 s`.
    pub fn summary(&self) -> Result<Summary> {
        let line = self.stderr.lines().last().context("nothing on stderr")?;
        parse_summary(line).with_context(|| format!("{line:?} is no summary"))
    }
}

fn parse_summary(line: &str) -> Option<Summary> {
    let (seen, rest) = line.strip_prefix("rnetstat-trace: ")?.split_once(" transitions seen, ")?;
    let (lost, rest) = rest.split_once(" lost, ")?;
    let (repaired, rest) = rest.split_once(" repaired, in ")?;
    rest.strip_suffix(" s")?.parse::<f64>().ok()?;
    Some(Summary { seen: seen.parse().ok()?, lost: lost.parse().ok()?, repaired: repaired.parse().ok()? })
}

/// Checks that exactly one line reports the error and that stdout is empty. Only wrong usage may be followed by a
/// hint.
pub fn is_one_error(output: &std::process::Output, code: i32, says: &[&str]) -> Result<()> {
    let stderr = std::str::from_utf8(&output.stderr)?;
    ensure!(output.status.code() == Some(code), "{}: {stderr}", output.status);
    ensure!(output.stdout.is_empty(), "it wrote to stdout: {:?}", String::from_utf8_lossy(&output.stdout));
    let beginning = if code == 2 { "error: " } else { "rnetstat-trace: " };
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with(beginning)).collect();
    ensure!(errors.len() == 1, "{} lines begin with {beginning:?}: {stderr}", errors.len());
    ensure!(code == 2 || stderr.lines().count() == 1, "more than one line: {stderr}");
    for word in says {
        ensure!(errors[0].contains(word), "the error doesn't name {word:?}: {stderr}");
    }
    Ok(())
}
