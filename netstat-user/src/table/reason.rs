//! Why a connection ended, from what the kernel shows at that moment and what was seen before.

use super::connection::Evidence;
use crate::model::{CloseReason, MinisockRemoved, RemovalCause, State, Transition};

/// Errnos of Linux that a socket's pending error can be (include/uapi/asm-generic/errno.h).
mod errno {
    pub(super) const EPERM: u32 = 1;
    pub(super) const ENOENT: u32 = 2;
    pub(super) const EAGAIN: u32 = 11;
    pub(super) const EACCES: u32 = 13;
    pub(super) const EINVAL: u32 = 22;
    pub(super) const EPIPE: u32 = 32;
    pub(super) const ENONET: u32 = 64;
    pub(super) const EREMOTE: u32 = 66;
    pub(super) const EPROTO: u32 = 71;
    pub(super) const EMSGSIZE: u32 = 90;
    pub(super) const ENOPROTOOPT: u32 = 92;
    pub(super) const EOPNOTSUPP: u32 = 95;
    pub(super) const ENETDOWN: u32 = 100;
    pub(super) const ENETUNREACH: u32 = 101;
    pub(super) const ECONNABORTED: u32 = 103;
    pub(super) const ECONNRESET: u32 = 104;
    pub(super) const ETIMEDOUT: u32 = 110;
    pub(super) const ECONNREFUSED: u32 = 111;
    pub(super) const EHOSTDOWN: u32 = 112;
    pub(super) const EHOSTUNREACH: u32 = 113;
}

/// What is known of a connection's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// Why it ended; None for a listener, which is no connection.
    pub(super) reason: Option<CloseReason>,
    /// The kernel's cause of an RST that this host sent.
    pub(super) reset_cause: Option<&'static str>,
    /// The reason if an RST of this host follows the transition, in the same context.
    pub(super) reason_if_reset: Option<CloseReason>,
}

impl Ending {
    pub(super) const fn certain(reason: CloseReason) -> Self {
        Self { reason: Some(reason), reset_cause: None, reason_if_reset: None }
    }

    const fn unless_reset(reason: CloseReason, reason_if_reset: CloseReason) -> Self {
        Self { reason_if_reset: Some(reason_if_reset), ..Self::certain(reason) }
    }
}

/// Why a full socket goes to TIME_WAIT or CLOSE.
///
/// `tcp_reset` (net/ipv4/tcp_input.c) sets EPIPE in CLOSE_WAIT, ECONNREFUSED in SYN_SENT, else ECONNRESET: when an RST
/// arrives, and when data arrives that nobody can read any more, which this host then answers with an RST
/// (`tcp_rcv_state_process`, TCPABORTONDATA). `tcp_abort` sets ECONNABORTED; `tcp_write_err` what ICMP or the routing table
/// said last, else ETIMEDOUT. Without an error the local process closed: with an RST (unread data, SO_LINGER 0,
/// TCP_LINGER2, `tcp_disconnect`), unless the FINs were through.
pub(super) fn of_full_socket(change: &Transition, evidence: &Evidence) -> Ending {
    use CloseReason::*;
    if change.old == State::Listen {
        return Ending { reason: None, ..Ending::certain(Unknown) };
    }
    if change.new == State::TimeWait {
        return Ending::certain(if change.old == State::Closing { FinBoth } else { FinLocal });
    }
    let Some(error) = change.error else { return Ending::certain(Unknown) };
    if change.old == State::SynSent {
        return Ending::certain(of_attempt(change, error, evidence));
    }
    // A child that nobody has accepted: the kernel closes it with its listener (inet_child_forget).
    let is_child = change.has_socket == Some(false)
        && !matches!(change.old, State::FinWait1 | State::FinWait2 | State::LastAck | State::Closing);
    let reset = if is_child { Aborted } else { ResetSent };
    let ending = match error {
        0 => match change.old {
            // A process that still has the socket can end it by `tcp_disconnect`, which sends an RST if the FIN is not sent.
            State::LastAck if change.has_socket == Some(true) => Ending::unless_reset(FinRemote, reset),
            State::LastAck => Ending::certain(FinRemote),
            State::Closing => Ending::unless_reset(FinBoth, reset),
            // The kernel could not create a timewait socket; or TCP_LINGER2 forbids it, or data came after close().
            State::FinWait2 => Ending::unless_reset(FinLocal, reset),
            _ => Ending::unless_reset(reset, reset),
        },
        _ if change.fin_is_acknowledged => Ending::certain(FinRemote),
        errno::ECONNRESET | errno::EPIPE if change.old == State::Established => {
            Ending::certain(ResetReceived)
        }
        errno::ECONNRESET | errno::EPIPE => Ending::unless_reset(ResetReceived, ResetSent),
        errno::ECONNABORTED => Ending::certain(Aborted),
        errno::ETIMEDOUT => Ending::certain(Timeout),
        error if is_of_network(error) => Ending::certain(Unreachable),
        _ => Ending::certain(Unknown),
    };
    match evidence.reset_before(change) {
        // A keepalive that times out and `ss -K` send their RST first; so does the kernel when it lacks memory.
        Some(cause) => Ending {
            reason: if error == 0 { Some(reset) } else { ending.reason },
            reset_cause: cause,
            reason_if_reset: None,
        },
        None => ending,
    }
}

/// Why a connection that was never established goes from SYN_SENT to CLOSE. An ICMP error that arrives while connect()
/// uses the socket is not its pending error.
fn of_attempt(change: &Transition, error: u32, evidence: &Evidence) -> CloseReason {
    let soft_error = Some(change.soft_error).filter(|soft| *soft != 0);
    let answer = Some(error).filter(|error| *error != 0).or(soft_error).or(evidence.syn_error());
    match answer {
        Some(errno::ECONNREFUSED) => CloseReason::Refused,
        Some(errno::ECONNRESET | errno::EPIPE) => CloseReason::ResetReceived,
        Some(errno::ETIMEDOUT) => CloseReason::Timeout,
        Some(errno::ECONNABORTED) => CloseReason::Aborted,
        Some(error) if is_of_network(error) => CloseReason::Unreachable,
        Some(_) => CloseReason::Unknown,
        None if change.connect_failed && !evidence.syn_was_sent() => CloseReason::NoPort,
        None if change.connect_failed => CloseReason::Unreachable,
        None => CloseReason::Abandoned,
    }
}

/// Whether the network, or this host's routes and policies, reported the error: all that `icmp_err_convert`
/// (net/ipv4/icmp.c) and `icmpv6_err_convert` (net/ipv6/icmp.c) yield, and what `inet_sk_rebuild_header` and
/// `inet6_csk_xmit` store in `sk_err_soft` when a route is gone.
fn is_of_network(error: u32) -> bool {
    matches!(
        error,
        errno::EPERM
            | errno::ENOENT
            | errno::EAGAIN
            | errno::EACCES
            | errno::EINVAL
            | errno::ENONET
            | errno::EREMOTE
            | errno::EPROTO
            | errno::EMSGSIZE
            | errno::ENOPROTOOPT
            | errno::EOPNOTSUPP
            | errno::ENETDOWN
            | errno::ENETUNREACH
            | errno::ECONNREFUSED
            | errno::EHOSTDOWN
            | errno::EHOSTUNREACH
    )
}

/// Why a minisocket in `state` ends: its time had come, or something removed it before. `sees_resets`: an RST that this
/// host sent would be in `evidence`.
pub(super) fn of_minisock(
    state: State,
    removed: &MinisockRemoved,
    evidence: &Evidence,
    sees_resets: bool,
) -> Ending {
    use CloseReason::*;
    if removed.expired {
        return Ending::certain(match state {
            State::SynRecv if removed.listener_has_closed => Aborted,
            // FIN_WAIT2: the peer never closed (net.ipv4.tcp_fin_timeout).
            State::SynRecv | State::FinWait2 => Timeout,
            _ => Expired,
        });
    }
    if let Some(cause) = evidence.reset_before_removal(removed.at) {
        return Ending { reset_cause: cause, ..Ending::certain(ResetSent) };
    }
    Ending::certain(match (state, removed.cause) {
        (_, Some(RemovalCause::Administrator)) => Aborted,
        (_, Some(RemovalCause::Icmp)) => Unreachable,
        (State::SynRecv, Some(RemovalCause::Segment)) if sees_resets => ResetReceived,
        (State::FinWait2, Some(RemovalCause::Segment)) => ResetReceived,
        (State::SynRecv, Some(RemovalCause::ForeignSegment)) if removed.listener_has_closed => Aborted,
        // New data, which this host answers with an RST.
        (State::FinWait2, Some(RemovalCause::ForeignSegment)) => ResetSent,
        // TIME_WAIT: an RST, a new SYN for the same ends, `ss -K`, or the network namespace's end.
        _ => Unknown,
    })
}
