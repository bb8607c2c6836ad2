//! Why a connection ended, from what the kernel shows at that moment.

use crate::model::{CloseReason, State, Transition};

/// Errnos of Linux that a socket's pending error can be (include/uapi/asm-generic/errno.h).
mod errno {
    pub(super) const EPIPE: u32 = 32;
    pub(super) const ENETDOWN: u32 = 100;
    pub(super) const ENETUNREACH: u32 = 101;
    pub(super) const ECONNABORTED: u32 = 103;
    pub(super) const ECONNRESET: u32 = 104;
    pub(super) const ETIMEDOUT: u32 = 110;
    pub(super) const ECONNREFUSED: u32 = 111;
    pub(super) const EHOSTDOWN: u32 = 112;
    pub(super) const EHOSTUNREACH: u32 = 113;
}

/// Why a full socket goes to TIME_WAIT or CLOSE; None for a listener, which is no connection.
///
/// `tcp_reset` (net/ipv4/tcp_input.c) sets EPIPE in CLOSE_WAIT, ECONNREFUSED in SYN_SENT, else
/// ECONNRESET; `tcp_abort` ECONNABORTED; a timeout ETIMEDOUT or what ICMP said before it. Without an
/// error the local process closed: with an RST (unread data, SO_LINGER 0, `tcp_disconnect`), unless the
/// FINs were through.
pub(super) fn of_full_socket(change: &Transition) -> Option<CloseReason> {
    use CloseReason::*;
    if change.old == State::Listen {
        return None;
    }
    if change.new == State::TimeWait {
        return Some(if change.old == State::Closing { FinBoth } else { FinLocal });
    }
    Some(match change.error {
        None => Unknown,
        Some(0) => match change.old {
            State::LastAck => FinRemote,
            State::Closing => FinBoth,
            // In SYN_SENT before an answer came; in FIN_WAIT2 if the kernel could not create a timewait socket.
            State::SynSent | State::FinWait2 => FinLocal,
            // The kernel closes a child that nobody has accepted with its listener (inet_child_forget).
            _ if change.has_socket == Some(false) && change.old != State::FinWait1 => Aborted,
            _ => ResetSent,
        },
        Some(errno::ECONNRESET | errno::EPIPE) => ResetReceived,
        Some(errno::ECONNREFUSED) if change.old == State::SynSent => Refused,
        Some(errno::ECONNREFUSED) => ResetReceived,
        Some(errno::ETIMEDOUT) => Timeout,
        Some(errno::ENETDOWN | errno::ENETUNREACH | errno::EHOSTDOWN | errno::EHOSTUNREACH) => Unreachable,
        Some(errno::ECONNABORTED) => Aborted,
        Some(_) => Unknown,
    })
}

/// Why a minisocket in `state` ends: its time had come (`expired`), or something ended it before.
pub(super) fn of_minisock(state: State, expired: bool, listener_is_gone: bool) -> CloseReason {
    match (state, expired) {
        (State::SynRecv, true) if listener_is_gone => CloseReason::Aborted,
        (State::SynRecv, true) => CloseReason::Timeout,
        (State::SynRecv, false) => CloseReason::ResetReceived,
        (State::TimeWait, true) => CloseReason::Expired,
        // FIN_WAIT2: the peer never closed (net.ipv4.tcp_fin_timeout).
        (_, true) => CloseReason::Timeout,
        // An RST, a new SYN for the same ends, `ss -K`, or the network namespace's end.
        (_, false) => CloseReason::Unknown,
    }
}
