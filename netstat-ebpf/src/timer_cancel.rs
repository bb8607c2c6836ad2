//! `tp_btf/timer_cancel`: the moment at which a half-open connection or a TIME_WAIT ends.
//!
//! The kernel takes a timer out of its wheel by `detach_timer` (kernel/time/timer.c) when its time has
//! come, when it is stopped, and when it is moved; in the last case a start follows at once.

use aya_ebpf::{helpers::generated::bpf_jiffies64, macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    minisock,
    sock::Typed,
};

#[btf_tracepoint(function = "timer_cancel")]
pub fn timer_cancel(context: BtfTracePointContext) -> i32 {
    let timer = Typed(context.arg(0));
    let function: u64 = timer.load(value(&raw const OFFSETS.timer_function));
    let (of, offset) = if function == value(&raw const OFFSETS.tw_timer_handler) {
        (state::TIME_WAIT, value(&raw const OFFSETS.tw_timer))
    } else if function == value(&raw const OFFSETS.reqsk_timer_handler) {
        (state::SYN_RECV, value(&raw const OFFSETS.rsk_timer))
    } else {
        return 0;
    };
    let expires: u64 = timer.load(value(&raw const OFFSETS.timer_expires));
    // SAFETY: the helper has no conditions.
    let now = unsafe { bpf_jiffies64() };
    minisock::stop((timer.0 as u64).wrapping_sub(u64::from(offset)), of, expires <= now);
    0
}
