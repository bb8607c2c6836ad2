//! What a language has to say; each has a file of its own.

use super::{english, japanese, korean, language::Language};
use crate::model::State;

/// A state, explained.
#[derive(Clone, Copy, Debug)]
pub struct StateText {
    /// What it means.
    pub meaning: &'static str,
    /// For the end that connected.
    pub client: &'static str,
    /// For the end that was connected to.
    pub server: &'static str,
    /// How long it is normal.
    pub normal: &'static str,
    /// What it says when there are many.
    pub many: &'static str,
    /// What to check then.
    pub checks: &'static [&'static str],
}

/// The headings and the sentences around.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Heading of [`StateText::meaning`].
    pub meaning: &'static str,
    /// Heading of [`StateText::client`].
    pub client: &'static str,
    /// Heading of [`StateText::server`].
    pub server: &'static str,
    /// Heading of [`StateText::normal`].
    pub normal: &'static str,
    /// Heading of [`StateText::many`].
    pub many: &'static str,
    /// Heading of [`StateText::checks`].
    pub checks: &'static str,
    /// Of the states that come before.
    pub before: &'static str,
    /// Of the states that come after.
    pub after: &'static str,
    /// Of the drawing.
    pub diagram: &'static str,
    /// Of the counts in it.
    pub counts: &'static str,
    /// What the drawing leaves out.
    pub left_out: &'static str,
    /// Of the order of states.
    pub order: &'static str,
    /// For the end that connects and closes first.
    pub order_client: &'static str,
    /// For the other end.
    pub order_server: &'static str,
    /// On another system than Linux: whose numbers and commands these are.
    pub elsewhere: &'static str,
    /// How to learn more.
    pub more: &'static str,
}

/// The headings in a language.
pub fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &english::WORDS,
        Language::Korean => &korean::WORDS,
        Language::Japanese => &japanese::WORDS,
    }
}

/// A state in a language.
pub fn state(language: Language, state: State) -> StateText {
    match language {
        Language::English => english::state(state),
        Language::Korean => korean::state(state),
        Language::Japanese => japanese::state(state),
    }
}
