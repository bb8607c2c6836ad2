//! The possible transitions: those of RFC 9293 (section 3.3.2), and those that Linux adds.

use super::State::{self, *};

/// Every transition that a connection can make, from and to.
///
/// The transitions of the RFC, and what Linux adds: an abort or a timeout to CLOSE from everywhere, Fast Open's
/// and SYN_RECV's early close (`tcp_close_state`, net/ipv4/tcp.c), and FIN_WAIT1 to TIME_WAIT, which
/// the RFC has for an ACK and a FIN in one segment.
pub const LEGAL_TRANSITIONS: &[(State, State)] = &[
    (Close, Listen),
    (Close, SynSent),
    (Listen, SynRecv),
    (Listen, Close),
    (SynSent, SynRecv),
    (SynSent, Established),
    (SynSent, Close),
    (SynRecv, Established),
    (SynRecv, FinWait1),
    (SynRecv, CloseWait),
    (SynRecv, Close),
    (Established, FinWait1),
    (Established, CloseWait),
    (Established, Close),
    (FinWait1, FinWait2),
    (FinWait1, Closing),
    (FinWait1, TimeWait),
    (FinWait1, Close),
    (FinWait2, TimeWait),
    (FinWait2, Close),
    (CloseWait, LastAck),
    (CloseWait, Close),
    (Closing, TimeWait),
    (Closing, Close),
    (LastAck, Close),
    (TimeWait, Close),
];

/// The set (of [`State::bit`]) of the states that a connection in `state` can go to next.
pub fn may_follow(state: State) -> u16 {
    LEGAL_TRANSITIONS.iter().filter(|(old, _)| *old == state).fold(0, |set, (_, new)| set | new.bit())
}

/// Whether a connection can get from `old` to `new` by any number of transitions.
pub fn can_lead_to(old: State, new: State) -> bool {
    let mut reached = may_follow(old);
    loop {
        let on_the_way = State::ALL.into_iter().filter(|state| *state != Close && reached & state.bit() != 0);
        let further = on_the_way.fold(reached, |set, state| set | may_follow(state));
        if further == reached {
            return reached & new.bit() != 0;
        }
        reached = further;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_can_be_entered_and_left() {
        for state in State::ALL {
            assert_ne!(may_follow(state), 0, "no transition leaves {state}");
            assert!(LEGAL_TRANSITIONS.iter().any(|(_, new)| *new == state), "no transition leads to {state}");
        }
    }

    #[test]
    fn a_state_leads_only_to_later_states_and_never_through_close() {
        for (old, new) in [(SynSent, TimeWait), (Listen, LastAck), (Established, Close), (FinWait1, Closing)]
        {
            assert!(can_lead_to(old, new), "{old} to {new}");
        }
        for (old, new) in
            [(TimeWait, SynSent), (Established, SynRecv), (LastAck, TimeWait), (FinWait2, Closing)]
        {
            assert!(!can_lead_to(old, new), "{old} to {new}");
        }
    }

    #[test]
    fn no_state_follows_itself() {
        assert!(LEGAL_TRANSITIONS.iter().all(|(old, new)| old != new));
    }
}
