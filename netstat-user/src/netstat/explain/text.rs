//! The parts of the text, which every language has, and the transitions that it lists.

use crate::model::{LEGAL_TRANSITIONS, State};

/// The explanation of a state.
#[derive(Clone, Copy, Debug)]
pub struct StateText {
    /// What it means.
    pub meaning: &'static str,
    /// What it means for the end that connected.
    pub client: &'static str,
    /// What it means for the end that accepted.
    pub server: &'static str,
    /// How long a socket normally stays in it.
    pub normal: &'static str,
    /// What many sockets in this state mean.
    pub many: &'static str,
    /// What to check in that case.
    pub checks: &'static [&'static str],
}

/// The headings, and the sentences that don't belong to a state.
#[derive(Clone, Copy, Debug)]
pub struct Labels {
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
    /// Heading of the states that a connection comes from.
    pub before: &'static str,
    /// Heading of the states that it goes to.
    pub after: &'static str,
    /// Heading of the diagram.
    pub diagram: &'static str,
    /// Explains the numbers in the diagram.
    pub counts: &'static str,
    /// The transitions that the diagram doesn't show.
    pub left_out: &'static str,
    /// Heading of the usual sequence of states.
    pub order: &'static str,
    /// Label of the end that connects and closes first.
    pub order_client: &'static str,
    /// Label of the other end.
    pub order_server: &'static str,
    /// For other systems: the numbers and commands are Linux's.
    pub elsewhere: &'static str,
    /// How to show the page on a state.
    pub more: &'static str,
}

/// The states that a connection can come from.
pub fn before(state: State) -> impl Iterator<Item = State> {
    LEGAL_TRANSITIONS.iter().filter(move |(_, to)| *to == state).map(|(from, _)| *from)
}

/// The states that a connection can go to.
pub fn after(state: State) -> impl Iterator<Item = State> {
    LEGAL_TRANSITIONS.iter().filter(move |(from, _)| *from == state).map(|(_, to)| *to)
}
