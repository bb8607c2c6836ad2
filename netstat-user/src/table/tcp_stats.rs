//! A connection's numbers at its end, out of what the kernel counts: sequence numbers, not bytes.

use crate::model::{Direction, KernelTcpStats, State, TcpStats};

/// The numbers of a connection that leaves `old`. `peer_has_closed`: it goes straight to TIME_WAIT, so
/// the peer's FIN has come.
///
/// `bytes_acked` counts our SYN (of the side that connected) and our FIN once they are acknowledged,
/// `bytes_received` the peer's FIN (tcp_snd_una_update, tcp_rcv_nxt_update, net/ipv4/tcp_input.c).
pub(super) fn at_close(
    kernel_tcp_stats: &KernelTcpStats,
    direction: Option<Direction>,
    old: State,
    error: Option<u32>,
    peer_has_closed: bool,
) -> TcpStats {
    let KernelTcpStats { bytes_acked, bytes_received, rtt_us, retransmits } = *kernel_tcp_stats;
    let our_fin = match old {
        State::FinWait2 | State::Closing => 1,
        State::LastAck if error == Some(0) => 1,
        _ => 0,
    };
    let their_fin = matches!(old, State::CloseWait | State::LastAck | State::Closing) || peer_has_closed;
    // Where it is not known who connected, one byte more or less is not known either.
    let our_syn = match direction {
        Some(Direction::Outbound) => Some(1),
        Some(Direction::Inbound) => Some(0),
        Some(Direction::Listen) | None => None,
    };
    TcpStats {
        bytes_sent: our_syn.map(|syn| bytes_acked.saturating_sub(syn + our_fin)),
        bytes_received: bytes_received.saturating_sub(u64::from(their_fin)),
        rtt_us,
        retransmits,
    }
}
