//! `tp_btf/timer_start`: a half-open connection or a timewait socket is created, or a connection's first segment is sent.
//!
//! At CLOSE→SYN_SENT the kernel has not chosen the local port yet. `tcp_connect` starts the retransmission timer right
//! after it has (net/ipv4/tcp_output.c). The kernel starts the same timer for a Fast Open child, which up to 6.12 had its
//! listener's tuple at LISTEN→SYN_RECV.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    head::SockHead,
    memory::{BtfPtr, probe_read},
    minisock, mptcp,
    record::{self, TupleEvent},
    sock::IPPROTO_TCP,
};

#[btf_tracepoint(function = "timer_start")]
pub fn timer_start(context: BtfTracePointContext) -> i32 {
    // SAFETY: the first argument is a `struct timer_list *` (include/trace/events/timer.h, 5.10 to 6.18).
    let timer = unsafe { BtfPtr::new(context.arg(0)) };
    let function: u64 = timer.load(value(&OFFSETS.timer_function));
    // The verifier knows no type for what is before the timer: helpers read it.
    let socket = |timer_offset: &'static u32| timer.address().wrapping_sub(u64::from(value(timer_offset)));
    if function == value(&OFFSETS.tcp_write_timer) {
        // None only for an address that is not a socket's, or for another state.
        let _ = first_segment_sent(socket(&OFFSETS.sk_write_timer));
    } else if function == value(&OFFSETS.tw_timer_handler) {
        minisock::timewait_created(socket(&OFFSETS.tw_timer), 0);
    } else if function == value(&OFFSETS.reqsk_timer_handler) {
        minisock::half_open_created(socket(&OFFSETS.rsk_timer));
    }
    0
}

/// The kernel starts this timer for every unacknowledged segment, so the state, one byte, is read before the rest.
#[inline(always)]
fn first_segment_sent(sk: u64) -> Option<()> {
    let state: u8 = probe_read(sk + u64::from(value(&OFFSETS.skc_state)))?;
    if state != state::SYN_SENT && state != state::SYN_RECV {
        return None;
    }
    let head = SockHead::read(sk)?;
    let (family, tuple) = (head.family(), head.tuple());
    // Only TCP uses this timer function.
    record::submit_tuple(TupleEvent {
        state,
        family,
        protocol: IPPROTO_TCP,
        sk,
        cookie: head.cookie(),
        tuple,
    });
    mptcp::submit_tuple_of_connection(sk, state, family, tuple);
    Some(())
}
