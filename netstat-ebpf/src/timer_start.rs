//! `tp_btf/timer_start`: the moment at which a half-open connection or a TIME_WAIT begins, and at which
//! a connection's first segment is sent.
//!
//! At CLOSE→SYN_SENT the kernel has not chosen the local port yet; `tcp_connect` arms the
//! retransmission timer right after it has (net/ipv4/tcp_output.c). The same timer is armed for a Fast
//! Open child, which up to 6.12 showed its listener's ends at LISTEN→SYN_RECV.

use aya_ebpf::{helpers::bpf_probe_read_kernel, macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    head::Head,
    minisock,
    record::{self, Change},
    sock::{IPPROTO_TCP, Typed},
};

#[btf_tracepoint(function = "timer_start")]
pub fn timer_start(context: BtfTracePointContext) -> i32 {
    // The first argument is a `struct timer_list *` on all kernels (two or three arguments follow).
    let timer = Typed(context.arg(0));
    let function: u64 = timer.load(value(&raw const OFFSETS.timer_function));
    // A place before the timer has no type for the verifier: from here on, helpers read.
    let owner = |timer_offset: *const u32| (timer.0 as u64).wrapping_sub(u64::from(value(timer_offset)));
    if function == value(&raw const OFFSETS.tcp_write_timer) {
        let _ = first_segment(owner(&raw const OFFSETS.sk_write_timer));
    } else if function == value(&raw const OFFSETS.tw_timer_handler) {
        minisock::time_wait(owner(&raw const OFFSETS.tw_timer), 0);
    } else if function == value(&raw const OFFSETS.reqsk_timer_handler) {
        minisock::half_open(owner(&raw const OFFSETS.rsk_timer));
    }
    0
}

/// This timer runs for every segment that is not yet acknowledged: its first look is one byte.
#[inline(always)]
fn first_segment(sk: u64) -> Option<()> {
    let now: u8 = read(sk, &raw const OFFSETS.skc_state)?;
    if now != state::SYN_SENT && now != state::SYN_RECV {
        return None;
    }
    let head = Head::read(sk)?;
    record::submit_ends(&Change {
        old: now,
        new: now,
        family: head.family(),
        // No other protocol's retransmission timer is this one.
        protocol: IPPROTO_TCP,
        sk,
        cookie: head.cookie(),
        netns: 0,
        error: 0,
        flags: 0,
        cgroup: 0,
        numbers: None,
        ends: head.ends(),
    });
    Some(())
}

#[inline(always)]
fn read<T>(sk: u64, offset: *const u32) -> Option<T> {
    // SAFETY: the helper checks the address and says so if it can't be read.
    unsafe { bpf_probe_read_kernel((sk + u64::from(value(offset))) as *const T) }.ok()
}
