//! `tp_btf/kfree_skb`: a timewait socket goes from FIN_WAIT2 to TIME_WAIT.
//!
//! The peer's FIN arrives for the timewait socket, and `tcp_timewait_state_process` (net/ipv4/tcp_minisocks.c) restarts
//! its timer, which makes no event if the timer stays in its bucket of the wheel. The kernel then drops the segment with
//! the timewait socket as its receiver (the fourth argument, from 6.11 on). It drops an RST in the same way, right after
//! it has removed the timewait socket for it.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::{flag, state};

use crate::{
    globals::{OFFSETS, value},
    memory::BtfPtr,
    minisock,
};

#[btf_tracepoint(function = "kfree_skb")]
pub fn kfree_skb(context: BtfTracePointContext) -> i32 {
    // SAFETY: TP_PROTO(struct sk_buff *skb, void *location, enum skb_drop_reason reason, struct sock *rx_sk),
    // include/trace/events/skb.h, 6.11 to 6.18. The verifier rejects the program where there are fewer arguments.
    let receiver = unsafe { BtfPtr::new(context.arg(3)) };
    if receiver.is_null() || receiver.load::<u8>(value(&OFFSETS.skc_state)) != state::TIME_WAIT {
        return 0;
    }
    let sk = receiver.address();
    if minisock::timewait_substate(sk) == state::TIME_WAIT {
        minisock::timewait_created(sk, flag::OBSERVED);
    }
    0
}
