//! `tp_btf/kfree_skb`: FIN_WAIT2 to TIME_WAIT of what is left of a closed connection.
//!
//! The peer's FIN finds the minisocket; `tcp_timewait_state_process` (net/ipv4/tcp_minisocks.c) moves
//! its timer, which makes no event if the timer stays in its bucket. The segment is then dropped with
//! the minisocket as the one that received it (the fourth argument, from 6.11 on). So is an RST that has just
//! ended the minisocket.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::{flag, state};

use crate::{
    globals::{OFFSETS, value},
    minisock,
    sock::Typed,
};

#[btf_tracepoint(function = "kfree_skb")]
pub fn kfree_skb(context: BtfTracePointContext) -> i32 {
    let receiver = Typed(context.arg(3));
    if receiver.0.is_null() || receiver.load::<u8>(value(&raw const OFFSETS.skc_state)) != state::TIME_WAIT {
        return 0;
    }
    let sk = receiver.0 as u64;
    if minisock::substate(sk) == state::TIME_WAIT {
        minisock::time_wait(sk, flag::OBSERVED);
    }
    0
}
