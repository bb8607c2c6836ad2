//! `rnetstat explain`: what a TCP state means, in words and in RFC 9293's diagram.

mod diagram;
mod english;
mod japanese;
mod korean;
mod language;
mod pages;
#[cfg(test)]
mod tests;
mod text;

use std::str::FromStr as _;

use anyhow::Result;
use rustc_hash::FxHashMap;
use serde::Serialize;

pub use language::Language;

use self::text::StateText;
use super::json;
use crate::{
    args::{
        ColorArgs,
        value::{text, word},
    },
    model::State,
    text::width,
};

/// What a TCP state means, what is before and after it, and what to do when it piles up; without a state, the
/// diagram with this host's counts
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// By any netstat's name: SYN_SENT, time-wait, LISTENING
    #[arg(value_parser = text(State::from_str))]
    pub state: Option<State>,
    /// Language; by default that of LC_ALL, LC_MESSAGES or LANG
    #[arg(long, value_name = "en|ko|ja", value_parser = word::<Language>("language of explain", false))]
    pub lang: Option<Language>,
    /// JSON Lines
    #[arg(long)]
    pub json: bool,
    /// Whether there are colours.
    #[command(flatten)]
    pub color: ColorArgs,
}

/// The text on a state, or on all states with the number of sockets in each. `tcp_states` reads the states of the host's
/// TCP sockets.
///
/// # Errors
/// Those of `tcp_states`.
pub fn page(
    state: Option<State>,
    language: Language,
    json: bool,
    color: bool,
    tcp_states: impl FnOnce() -> Result<Vec<State>>,
) -> Result<Vec<u8>> {
    let counts = || tcp_states().map(|states| count(&states));
    Ok(match (state, json) {
        (Some(state), false) => pages::one(state, language, color, width()).into_bytes(),
        (Some(state), true) => json::lines(std::iter::once(line(state, language, None))),
        (None, false) => pages::all(language, &counts()?, color, width()).into_bytes(),
        (None, true) => {
            let counts = counts()?;
            let count = |state: &State| Some(counts.get(state).copied().unwrap_or(0));
            json::lines(State::ALL.iter().map(|state| line(*state, language, count(state))))
        }
    })
}

/// The number of sockets by state; without the states that no socket is in.
fn count(states: &[State]) -> FxHashMap<State, u64> {
    let mut counts = FxHashMap::default();
    for state in states {
        *counts.entry(*state).or_default() += 1;
    }
    counts
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
    let StateText { meaning, client, server, normal, many, checks } = language.state(state);
    Line {
        kind: "state",
        state: state.name(),
        count,
        before: text::before(state).map(State::name).collect(),
        after: text::after(state).map(State::name).collect(),
        meaning,
        client,
        server,
        normal,
        many,
        checks,
    }
}
