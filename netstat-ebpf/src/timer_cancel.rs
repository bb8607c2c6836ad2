//! `tp_btf/timer_cancel`: a half-open connection or a timewait socket is removed.
//!
//! `detach_timer` (kernel/time/timer.c) takes a timer out of the wheel when it expires, when it is stopped, and when it
//! is restarted; a `timer_start` event follows at once in the last case.

use aya_ebpf::{helpers::generated::bpf_jiffies64, macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    memory::BtfPtr,
    minisock,
};

#[btf_tracepoint(function = "timer_cancel")]
pub fn timer_cancel(context: BtfTracePointContext) -> i32 {
    // SAFETY: the only argument is a `struct timer_list *` (include/trace/events/timer.h, 5.10 to 6.18).
    let timer = unsafe { BtfPtr::new(context.arg(0)) };
    let function: u64 = timer.load(value(&OFFSETS.timer_function));
    let (state, offset) = if function == value(&OFFSETS.tw_timer_handler) {
        (state::TIME_WAIT, value(&OFFSETS.tw_timer))
    } else if function == value(&OFFSETS.reqsk_timer_handler) {
        (state::SYN_RECV, value(&OFFSETS.rsk_timer))
    } else {
        return 0;
    };
    let expires: u64 = timer.load(value(&OFFSETS.timer_expires));
    // SAFETY: the helper has no conditions.
    let now = unsafe { bpf_jiffies64() };
    minisock::removed(&context, timer.address().wrapping_sub(u64::from(offset)), state, expires <= now);
    0
}
