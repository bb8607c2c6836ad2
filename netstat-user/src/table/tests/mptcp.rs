//! MPTCP connections and their subflows: the end of one tells why the other ends.

use super::*;
use crate::model::{CloseReason, CloseReason::*};

const CONNECTION: SockId = SockId { sk: 1, cookie: 7 };
const SUBFLOW: SockId = SockId { sk: 2, cookie: 8 };

fn above(at: u64, old: State, new: State) -> Transition {
    Transition { protocol: Protocol::Mptcp, ..change(at, CONNECTION, old, new, CLIENT, SERVER) }
}

fn below(at: u64, old: State, new: State) -> Transition {
    change(at, SUBFLOW, old, new, CLIENT, SERVER)
}

/// A subflow's last transition; the kernel has taken its file away.
fn subflow_closes(at: u64, old: State, error: u32) -> Transition {
    Transition { error: Some(error), has_socket: Some(false), ..below(at, old, State::Close) }
}

/// The reasons of the connection and of its subflow, which both begin with these rows.
fn reasons(established: bool, ends: &[Transition]) -> [Option<CloseReason>; 2] {
    let mut table = table();
    let mut events = vec![above(10, State::Close, State::SynSent), below(11, State::Close, State::SynSent)];
    if established {
        events.push(below(20, State::SynSent, State::Established));
        events.push(above(21, State::SynSent, State::Established));
    }
    events.extend_from_slice(ends);
    let mut seen = rows(&mut table, &events);
    seen.extend(waited(&mut table, 10_000_000_000));
    [Protocol::Mptcp, Protocol::Tcp].map(|protocol| {
        let ended = |row: &&Row| row.protocol == protocol && row.close_reason.is_some();
        seen.iter().find(ended).and_then(|row| row.close_reason)
    })
}

#[test]
fn a_connection_ends_as_its_subflow_did_if_the_kernel_does_not_say_why() {
    let (attempt, open) = (State::SynSent, State::Established);
    for (error, reason) in [(111, Refused), (110, Timeout), (113, Unreachable), (0, Abandoned)] {
        let ends = [subflow_closes(50, attempt, error), above(60, attempt, State::Close)];
        assert_eq!(reasons(false, &ends), [Some(reason); 2], "error {error}");
    }
    for (error, reason) in [(104, ResetReceived), (103, Aborted), (110, Timeout)] {
        let ends = [subflow_closes(50, open, error), above(9_000, open, State::Close)];
        assert_eq!(reasons(true, &ends), [Some(reason); 2], "error {error}");
    }
}

#[test]
fn a_connection_that_the_kernel_s_worker_closes_late_was_closed_by_fins() {
    let ends = [
        above(30, State::Established, State::FinWait1),
        below(31, State::Established, State::FinWait1),
        below(40, State::FinWait1, State::FinWait2),
        below(41, State::FinWait2, State::Close),
        above(50, State::FinWait1, State::Close),
    ];
    assert_eq!(reasons(true, &ends), [Some(FinLocal); 2]);
}

#[test]
fn a_subflow_is_reset_with_its_connection() {
    let open = State::Established;
    let unread = [above(50, open, State::Close), subflow_closes(51, open, 0)];
    assert_eq!(reasons(true, &unread), [Some(ResetSent); 2]);
    let late = [above(50, open, State::Close), subflow_closes(5_000_000_000, open, 0)];
    assert_eq!(reasons(true, &late), [Some(ResetSent), Some(Aborted)]);
    let own_reason = [above(50, open, State::Close), subflow_closes(51, open, 104)];
    assert_eq!(reasons(true, &own_reason), [Some(ResetSent), Some(ResetReceived)]);
    let unaccepted = Transition { has_socket: Some(false), ..above(50, open, State::Close) };
    assert_eq!(reasons(true, &[unaccepted, subflow_closes(51, open, 0)]), [Some(Aborted); 2]);
}

#[test]
fn endpoints_of_connections_that_ended_unseen_are_forgotten() {
    let mut table = table();
    for index in 0..10_000_u16 {
        let at = u64::from(index) * 1_000;
        let client = Endpoint { port: 20_000 + index, ..CLIENT };
        let begins = change(at, CONNECTION, State::Close, State::SynSent, client, SERVER);
        rows(&mut table, &[Transition { protocol: Protocol::Mptcp, ..begins }]);
    }
    assert!(table.mptcp.len() <= 128, "{}", table.mptcp.len());
}
