//! `tp_btf/timer_start`: a half-open connection or a timewait socket is created, or a connection's first segment is sent.
//!
//! At CLOSE→SYN_SENT the kernel has not chosen the local port yet. `tcp_connect` starts the retransmission timer right
//! after it has (net/ipv4/tcp_output.c). The kernel starts the same timer for a Fast Open child, which up to 6.12 had its
//! listener's tuple at LISTEN→SYN_RECV.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

use crate::{
    connecting_socket,
    globals::{OFFSETS, value},
    memory::BtfPtr,
    minisock,
};

#[btf_tracepoint(function = "timer_start")]
pub fn timer_start(context: BtfTracePointContext) -> i32 {
    // SAFETY: the first argument is a `struct timer_list *` (include/trace/events/timer.h, 5.10 to 6.18).
    let timer = unsafe { BtfPtr::new(context.arg(0)) };
    let function: u64 = timer.load(value(&OFFSETS.timer_function));
    // The verifier knows no type for what is before the timer: helpers read it.
    let socket = |timer_offset: &'static u32| timer.address().wrapping_sub(u64::from(value(timer_offset)));
    if function == value(&OFFSETS.tcp_write_timer) {
        // The kernel starts this timer for every unacknowledged segment: None in another state.
        let _ = connecting_socket::submit_tuple(socket(&OFFSETS.sk_write_timer), 0);
    } else if function == value(&OFFSETS.tw_timer_handler) {
        minisock::timewait_created(socket(&OFFSETS.tw_timer), 0);
    } else if function == value(&OFFSETS.reqsk_timer_handler) {
        minisock::half_open_created(socket(&OFFSETS.rsk_timer));
    }
    0
}
