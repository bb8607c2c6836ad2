//! `--state`: transitions from or to one of the listed states.

use crate::model::{LEGAL_TRANSITIONS, Row, State, may_follow};

/// A set of states (of [`State::bit`]); empty if the option wasn't given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSet(u16);

impl FromIterator<State> for StateSet {
    fn from_iter<I: IntoIterator<Item = State>>(states: I) -> Self {
        Self(states.into_iter().fold(0, |set, state| set | state.bit()))
    }
}

impl StateSet {
    /// Whether the row is a transition from or to one of the states.
    pub(super) fn matches(self, row: &Row) -> bool {
        let states = row.old_state.map_or(0, State::bit) | row.new_state.bit();
        self.0 == 0 || self.0 & states != 0
    }

    /// Whether a socket in this state is shown; None is a socket without a TCP state.
    pub(super) fn contains(self, state: Option<State>) -> bool {
        self.0 == 0 || state.is_some_and(|state| self.0 & state.bit() != 0)
    }

    /// For each old state, the set of new states whose transitions the kernel side may drop without a change in the
    /// output.
    ///
    /// These are transitions of `sk_state`. The rows into and out of TIME_WAIT are derived from FIN_WAIT2→CLOSE,
    /// CLOSING→CLOSE and timers (`tcp_time_wait`, net/ipv4/tcp_minisocks.c, 6.12), which are never dropped.
    pub(super) fn for_kernel(self) -> [u16; 16] {
        let mut dropped = [0; 16];
        if self.0 != 0 {
            for (old, new) in LEGAL_TRANSITIONS {
                if !self.needs(*old, *new) {
                    dropped[*old as usize] |= new.bit();
                }
            }
        }
        dropped
    }

    /// Whether user space needs the transition for the rows that are shown.
    fn needs(self, old: State, new: State) -> bool {
        let is_shown = self.0 & (old.bit() | new.bit()) != 0;
        // The next row is shown, and its `state_ns` is counted from this transition.
        let starts_state_ns = self.0 & may_follow(new) != 0;
        // The first transition carries the owner and the direction, handshakes the tuple; the last one frees the
        // connection's entry in the table.
        let is_first = matches!(old, State::Close | State::Listen);
        let is_handshake = matches!(old, State::SynSent | State::SynRecv);
        let is_last = matches!(new, State::Close | State::TimeWait);
        is_shown || starts_state_ns || is_first || is_handshake || is_last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_sets() -> impl Iterator<Item = StateSet> {
        (0..1 << State::ALL.len()).map(|choice: u16| {
            State::ALL
                .iter()
                .enumerate()
                .filter(|(i, _)| choice & (1 << i) != 0)
                .map(|(_, state)| *state)
                .collect()
        })
    }

    fn drops(dropped: [u16; 16], (old, new): (State, State)) -> bool {
        dropped[old as usize] & new.bit() != 0
    }

    fn is_shown(set: StateSet, (old, new): (State, State)) -> bool {
        set.0 & (old.bit() | new.bit()) != 0
    }

    #[test]
    fn without_the_option_nothing_is_dropped() {
        assert_eq!(StateSet::default().for_kernel(), [0; 16]);
    }

    #[test]
    fn a_shown_transition_and_the_one_before_it_are_never_dropped() {
        for set in all_sets().filter(|set| set.0 != 0) {
            let dropped = set.for_kernel();
            for after in LEGAL_TRANSITIONS.iter().filter(|after| is_shown(set, **after)) {
                assert!(!drops(dropped, *after), "{set:?} needs {after:?}");
                for before in LEGAL_TRANSITIONS.iter().filter(|before| before.1 == after.0) {
                    assert!(!drops(dropped, *before), "{set:?} needs {before:?}: {after:?} follows it");
                }
            }
        }
    }

    #[test]
    fn the_first_and_last_transition_and_handshakes_are_never_dropped() {
        use State::*;
        for set in all_sets() {
            let dropped = set.for_kernel();
            for (old, new) in LEGAL_TRANSITIONS {
                if matches!(old, Close | Listen | SynSent | SynRecv) || matches!(new, Close | TimeWait) {
                    assert!(!drops(dropped, (*old, *new)), "{set:?} needs {old} to {new}");
                }
            }
        }
    }

    #[test]
    fn transitions_that_rows_into_time_wait_and_close_derive_from_are_never_dropped() {
        use State::*;
        for set in all_sets().filter(|set| set.0 & (TimeWait.bit() | Close.bit()) != 0) {
            for (old, new) in LEGAL_TRANSITIONS {
                if matches!(new, FinWait1 | FinWait2 | Closing) {
                    assert!(!drops(set.for_kernel(), (*old, *new)), "{set:?} needs {old} to {new}");
                }
            }
        }
    }

    #[test]
    fn the_transition_that_names_the_closing_process_is_kept_for_every_shown_row_after_it() {
        let closes =
            LEGAL_TRANSITIONS.iter().filter(|(_, new)| matches!(new, State::FinWait1 | State::LastAck));
        for close in closes {
            let mut states_after = close.1.bit();
            for _ in State::ALL {
                states_after = LEGAL_TRANSITIONS
                    .iter()
                    .filter(|(old, new)| states_after & old.bit() != 0 && *new != State::Close)
                    .fold(states_after, |states_after, (_, new)| states_after | new.bit());
            }
            for set in all_sets() {
                let dropped = set.for_kernel();
                for after in LEGAL_TRANSITIONS.iter().filter(|(old, _)| states_after & old.bit() != 0) {
                    assert!(
                        !(is_shown(set, *after) && drops(dropped, *close)),
                        "{set:?}: {close:?}, {after:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_illegal_transition_is_never_dropped() {
        for set in all_sets() {
            let dropped = set.for_kernel();
            for (old, set_of_new) in dropped.iter().enumerate() {
                let known = u8::try_from(old).map(State::from_kernel).map_or(0, may_follow);
                assert_eq!(set_of_new & !known, 0, "{set:?} drops illegal transitions from {old}");
            }
        }
    }

    #[test]
    fn for_listeners_the_closing_of_connections_is_dropped() {
        let listeners: StateSet = [State::Listen].into_iter().collect();
        for transition in [
            (State::Established, State::FinWait1),
            (State::Established, State::CloseWait),
            (State::FinWait1, State::FinWait2),
            (State::FinWait1, State::Closing),
            (State::CloseWait, State::LastAck),
        ] {
            assert!(drops(listeners.for_kernel(), transition), "{transition:?}");
        }
    }

    #[test]
    fn the_transition_to_established_is_kept_for_the_state_ns_of_the_next_row() {
        let close_wait: StateSet = [State::CloseWait].into_iter().collect();
        assert!(!drops(close_wait.for_kernel(), (State::SynRecv, State::Established)));
        assert!(!drops(close_wait.for_kernel(), (State::CloseWait, State::LastAck)));
        assert!(drops(close_wait.for_kernel(), (State::FinWait1, State::FinWait2)));
    }
}
