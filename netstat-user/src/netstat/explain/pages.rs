//! The text of `rnetstat explain`: a state, or the diagram of all states.

use anstyle::{Effects, Style};
use rustc_hash::FxHashMap;

use super::{
    diagram,
    language::Language,
    text::{Labels, StateText, after, before},
};
use crate::{format::state_style, model::State, text::paragraph};

const HEADING: Style = Style::new().effects(Effects::BOLD);

/// The usual sequences of states.
pub const CLIENT_ORDER: &[State] = &[
    State::Close,
    State::SynSent,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::TimeWait,
    State::Close,
];
pub const SERVER_ORDER: &[State] =
    &[State::Listen, State::SynRecv, State::Established, State::CloseWait, State::LastAck, State::Close];

/// The page that explains a state.
pub fn one(state: State, language: Language, color: bool, width: usize) -> String {
    let labels = language.labels();
    let StateText { meaning, client, server, normal, many, checks } = language.state(state);
    let mut out = styled(state.name(), state_style(state), color);
    out.push_str("\n\n");
    if state != State::Unknown {
        drawing(&mut out, Some(state), color, width, |_| None);
    }
    for (heading, text) in [
        (labels.meaning, meaning),
        (labels.client, client),
        (labels.server, server),
        (labels.before, &names(before(state))),
        (labels.after, &names(after(state))),
        (labels.normal, normal),
        (labels.many, many),
    ] {
        if !text.is_empty() {
            section(&mut out, heading, color);
            paragraph(&mut out, "  ", text, width);
        }
    }
    section(&mut out, labels.checks, color);
    for check in checks {
        paragraph(&mut out, "  - ", check, width);
    }
    if cfg!(not(target_os = "linux")) {
        out.push('\n');
        paragraph(&mut out, "", labels.elsewhere, width);
    }
    out
}

/// The page with the diagram of all states, and the number of sockets in each.
pub fn all(language: Language, counts: &FxHashMap<State, u64>, color: bool, width: usize) -> String {
    let Labels { diagram, counts: counts_text, left_out, order, order_client, order_server, more, .. } =
        language.labels();
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
    out
}

/// Appends the diagram, unless a line of it is wider than `width`.
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

fn names(states: impl Iterator<Item = State>) -> String {
    states.map(State::name).collect::<Vec<_>>().join(", ")
}
