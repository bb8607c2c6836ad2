//! `rnetstat explain`: what a state means, in words and in RFC 9293's diagram.

mod args;
mod counts;
mod diagram;
mod english;
mod japanese;
mod korean;
mod language;
mod text;

use anstyle::{Effects, Style};
use anyhow::Result;
use serde::Serialize;

pub use args::ExplainArgs;
pub use language::Language;

use self::text::{StateText, Words};
use super::json;
use crate::{
    format::state_style,
    model::{LEGAL_TRANSITIONS, State},
    text::{paragraph, width},
};

const HEADING: Style = Style::new().effects(Effects::BOLD);

/// How the connections of both ends normally run.
const CLIENT_ORDER: &[State] = &[
    State::Close,
    State::SynSent,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::TimeWait,
    State::Close,
];
const SERVER_ORDER: &[State] =
    &[State::Listen, State::SynRecv, State::Established, State::CloseWait, State::LastAck, State::Close];

/// The page on a state, or on all of them with the host's counts.
///
/// # Errors
/// The sockets can't be counted: the error says why.
pub fn page(state: Option<State>, language: Language, json: bool, color: bool) -> Result<Vec<u8>> {
    let width = width();
    Ok(match (state, json) {
        (Some(state), false) => one(state, language, color, width).into_bytes(),
        (Some(state), true) => json::lines(std::iter::once(line(state, language, None))),
        (None, false) => all(language, color, width)?.into_bytes(),
        (None, true) => {
            let counts = counts::now()?;
            let count = |state: &State| Some(counts.get(state).copied().unwrap_or(0));
            json::lines(State::ALL.iter().map(|state| line(*state, language, count(state))))
        }
    })
}

fn one(state: State, language: Language, color: bool, width: usize) -> String {
    let words = text::words(language);
    let StateText { meaning, client, server, normal, many, checks } = text::state(language, state);
    let mut out = styled(state.name(), state_style(state), color);
    out.push_str("\n\n");
    if state != State::Unknown {
        drawing(&mut out, Some(state), color, width, |_| None);
    }
    for (heading, text) in [
        (words.meaning, meaning),
        (words.client, client),
        (words.server, server),
        (words.before, &names(before(state))),
        (words.after, &names(after(state))),
        (words.normal, normal),
        (words.many, many),
    ] {
        if !text.is_empty() {
            section(&mut out, heading, color);
            paragraph(&mut out, "  ", text, width);
        }
    }
    section(&mut out, words.checks, color);
    for check in checks {
        paragraph(&mut out, "  - ", check, width);
    }
    if cfg!(not(target_os = "linux")) {
        out.push('\n');
        paragraph(&mut out, "", words.elsewhere, width);
    }
    out
}

fn all(language: Language, color: bool, width: usize) -> Result<String> {
    let counts = counts::now()?;
    let Words { diagram, counts: counts_text, left_out, order, order_client, order_server, more, .. } =
        text::words(language);
    let mut out = String::new();
    section(&mut out, diagram, color);
    out.push('\n');
    drawing(&mut out, None, color, width, |state| counts.get(&state).copied());
    let unknown = counts.get(&State::Unknown).map(|count| format!("{} {count}", State::Unknown));
    for line in [Some((*counts_text).to_owned()), unknown, Some((*left_out).to_owned())].into_iter().flatten()
    {
        paragraph(&mut out, "  ", &line, width);
    }
    out.push('\n');
    section(&mut out, order, color);
    for (whose, states) in [(order_client, CLIENT_ORDER), (order_server, SERVER_ORDER)] {
        paragraph(&mut out, "  ", &format!("{whose}:"), width);
        let names: Vec<&str> = states.iter().map(|state| state.name()).collect();
        paragraph(&mut out, "    ", &names.join(" → "), width);
    }
    out.push('\n');
    paragraph(&mut out, "", more, width);
    Ok(out)
}

/// The diagram, where it fits: broken lines would be no drawing.
fn drawing(
    out: &mut String,
    marked: Option<State>,
    color: bool,
    width: usize,
    count: impl Fn(State) -> Option<u64>,
) {
    let lines = diagram::draw(marked, count);
    if lines.iter().any(|line| line.chars().count() > width) {
        return;
    }
    for line in lines {
        match marked.filter(|state| color && line.contains(&format!(" {state} ")) && line.contains('║')) {
            Some(state) => *out += &line.replacen(state.name(), &styled(state.name(), HEADING, true), 1),
            None => out.push_str(&line),
        }
        out.push('\n');
    }
    out.push('\n');
}

fn section(out: &mut String, heading: &str, color: bool) {
    out.push_str(&styled(heading, HEADING, color));
    out.push('\n');
}

fn styled(text: &str, style: Style, color: bool) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

fn before(state: State) -> impl Iterator<Item = State> {
    LEGAL_TRANSITIONS.iter().filter(move |(_, to)| *to == state).map(|(from, _)| *from)
}

fn after(state: State) -> impl Iterator<Item = State> {
    LEGAL_TRANSITIONS.iter().filter(move |(from, _)| *from == state).map(|(_, to)| *to)
}

fn names(states: impl Iterator<Item = State>) -> String {
    states.map(State::name).collect::<Vec<_>>().join(", ")
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    state: &'static str,
    count: Option<u64>,
    before: Vec<&'static str>,
    after: Vec<&'static str>,
    meaning: &'static str,
    client: &'static str,
    server: &'static str,
    normal: &'static str,
    many: &'static str,
    checks: &'static [&'static str],
}

fn line(state: State, language: Language, count: Option<u64>) -> Line {
    let StateText { meaning, client, server, normal, many, checks } = text::state(language, state);
    Line {
        kind: "state",
        state: state.name(),
        count,
        before: before(state).map(State::name).collect(),
        after: after(state).map(State::name).collect(),
        meaning,
        client,
        server,
        normal,
        many,
        checks,
    }
}

#[cfg(test)]
mod tests;
