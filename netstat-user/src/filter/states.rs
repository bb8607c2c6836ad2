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
    /// Whether the row goes from or to one of the states.
    pub(super) fn matches(self, row: &Row) -> bool {
        let ends = row.old_state.map_or(0, State::bit) | row.new_state.bit();
        self.0 == 0 || self.0 & ends != 0
    }

    /// Whether a socket in this state is shown; None is no state of TCP's.
    pub(super) fn has(self, state: Option<State>) -> bool {
        self.0 == 0 || state.is_some_and(|state| self.0 & state.bit() != 0)
    }

    /// By old state: the set of new states that user space can do without, and still say the same.
    ///
    /// It is about the kernel's own transitions. Rows into and out of TIME_WAIT are made of FIN_WAIT2→CLOSE,
    /// CLOSING→CLOSE and timers (`tcp_time_wait`, net/ipv4/tcp_minisocks.c); those are never left out.
    pub(super) fn left_out(self) -> [u16; 16] {
        let mut left_out = [0; 16];
        if self.0 != 0 {
            for (old, new) in LEGAL_TRANSITIONS {
                if !self.needs(*old, *new) {
                    left_out[*old as usize] |= new.bit();
                }
            }
        }
        left_out
    }

    fn needs(self, old: State, new: State) -> bool {
        let is_shown = self.0 & (old.bit() | new.bit()) != 0;
        // The row after it is shown, and tells how long the connection was in `new`.
        let dates_a_shown_row = self.0 & may_follow(new) != 0;
        // Births name the owner and the direction, handshakes the ends, and the end lets the table forget.
        let is_birth = matches!(old, State::Close | State::Listen);
        let is_handshake = matches!(old, State::SynSent | State::SynRecv);
        let is_end = matches!(new, State::Close | State::TimeWait);
        is_shown || dates_a_shown_row || is_birth || is_handshake || is_end
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

    fn has(left_out: [u16; 16], (old, new): (State, State)) -> bool {
        left_out[old as usize] & new.bit() != 0
    }

    fn is_shown(set: StateSet, (old, new): (State, State)) -> bool {
        set.0 & (old.bit() | new.bit()) != 0
    }

    #[test]
    fn without_the_option_nothing_is_left_out() {
        assert_eq!(StateSet::default().left_out(), [0; 16]);
    }

    #[test]
    fn no_shown_transition_and_none_right_before_one_is_ever_left_out() {
        for set in all_sets().filter(|set| set.0 != 0) {
            let left_out = set.left_out();
            for after in LEGAL_TRANSITIONS.iter().filter(|after| is_shown(set, **after)) {
                assert!(!has(left_out, *after), "{set:?} needs {after:?}");
                for before in LEGAL_TRANSITIONS.iter().filter(|before| before.1 == after.0) {
                    assert!(!has(left_out, *before), "{set:?} needs {before:?}: {after:?} follows it");
                }
            }
        }
    }

    #[test]
    fn births_handshakes_and_ends_are_never_left_out() {
        use State::*;
        for set in all_sets() {
            let left_out = set.left_out();
            for (old, new) in LEGAL_TRANSITIONS {
                if matches!(old, Close | Listen | SynSent | SynRecv) || matches!(new, Close | TimeWait) {
                    assert!(!has(left_out, (*old, *new)), "{set:?} needs {old} to {new}");
                }
            }
        }
    }

    #[test]
    fn what_time_wait_and_the_end_are_made_of_is_never_left_out_for_who_asks_for_them() {
        use State::*;
        for set in all_sets().filter(|set| set.0 & (TimeWait.bit() | Close.bit()) != 0) {
            for (old, new) in LEGAL_TRANSITIONS {
                if matches!(new, FinWait1 | FinWait2 | Closing) {
                    assert!(!has(set.left_out(), (*old, *new)), "{set:?} needs {old} to {new}");
                }
            }
        }
    }

    #[test]
    fn who_closes_a_connection_is_known_on_every_shown_row_after_it() {
        let closes =
            LEGAL_TRANSITIONS.iter().filter(|(_, new)| matches!(new, State::FinWait1 | State::LastAck));
        for close in closes {
            let mut lived = close.1.bit();
            for _ in State::ALL {
                lived = LEGAL_TRANSITIONS
                    .iter()
                    .filter(|(old, new)| lived & old.bit() != 0 && *new != State::Close)
                    .fold(lived, |lived, (_, new)| lived | new.bit());
            }
            for set in all_sets() {
                let left_out = set.left_out();
                for after in LEGAL_TRANSITIONS.iter().filter(|(old, _)| lived & old.bit() != 0) {
                    assert!(
                        !(is_shown(set, *after) && has(left_out, *close)),
                        "{set:?}: {close:?}, {after:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_no_legal_connection_does_is_never_left_out() {
        for set in all_sets() {
            let left_out = set.left_out();
            for (old, set_of_new) in left_out.iter().enumerate() {
                let known = u8::try_from(old).map(State::from_kernel).map_or(0, may_follow);
                assert_eq!(set_of_new & !known, 0, "{set:?} leaves out strange transitions from {old}");
            }
        }
    }

    #[test]
    fn who_asks_for_listeners_is_spared_the_closing_of_connections() {
        let listeners: StateSet = [State::Listen].into_iter().collect();
        for transition in [
            (State::Established, State::FinWait1),
            (State::Established, State::CloseWait),
            (State::FinWait1, State::FinWait2),
            (State::FinWait1, State::Closing),
            (State::CloseWait, State::LastAck),
        ] {
            assert!(has(listeners.left_out(), transition), "{transition:?}");
        }
    }

    #[test]
    fn established_is_still_dated_for_who_asks_for_the_state_after_it() {
        let close_wait: StateSet = [State::CloseWait].into_iter().collect();
        assert!(!has(close_wait.left_out(), (State::SynRecv, State::Established)));
        assert!(!has(close_wait.left_out(), (State::CloseWait, State::LastAck)));
        assert!(has(close_wait.left_out(), (State::FinWait1, State::FinWait2)));
    }
}
