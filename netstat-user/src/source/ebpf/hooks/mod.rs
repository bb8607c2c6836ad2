//! The one table of hooks: what each program is attached to, what it reports, and what is lost without it.
//!
//! Loading, the types that aya gets, the ways to lose records, `doctor`, `start.hooks`, `start.missing` and the
//! README's list derive from it.

mod hook;
#[cfg(test)]
mod readme;
mod table;
#[cfg(test)]
mod tests;

pub use hook::{Hook, HookSet, Remedy};
#[cfg(test)]
pub use table::SYN_ERRORS;
pub use table::{
    CONNECTING_SOCKETS, INDEPENDENT, MINISOCK_FUNCTIONS, MINISOCK_TIMERS, RESETS_SENT, SNAPSHOTS,
    SOCKET_FILES, STATE, STATE_CLASSIC, SYN_RETRANSMITS, SYN_SENT_PORT, TIME_WAIT_BY_DROP, sets,
};

/// All hooks, set by set.
pub fn all() -> impl Iterator<Item = &'static Hook> {
    sets().flat_map(|set| set.hooks)
}

/// Whether the program reports transitions of full sockets.
pub fn reports_transitions(program: &str) -> bool {
    [&STATE, &STATE_CLASSIC].iter().any(|set| set.hooks.iter().any(|hook| hook.program == program))
}
