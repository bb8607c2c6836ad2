//! Timewait sockets, by fentry on functions of net/ipv4/inet_timewait_sock.c. The records are those that the timer
//! tracepoints give, but only these functions become slower, not every timer of the kernel.

use aya_ebpf::{helpers::generated::bpf_jiffies64, macros::fentry, programs::FEntryContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    memory::BtfPtr,
    minisock,
    sock::{IPPROTO_TCP, Sock},
};

/// A timewait socket replaces its full socket; up to 6.11.
#[fentry(function = "inet_twsk_hashdance")]
pub fn inet_twsk_hashdance(context: FEntryContext) -> i32 {
    created(&context)
}

/// A timewait socket replaces its full socket; from 6.12 on.
#[fentry(function = "inet_twsk_hashdance_schedule")]
pub fn inet_twsk_hashdance_schedule(context: FEntryContext) -> i32 {
    created(&context)
}

/// Both functions begin with `(struct inet_timewait_sock *tw, struct sock *sk, …)`, and have `tw` filled in.
#[inline(always)]
fn created(context: &FEntryContext) -> i32 {
    // SAFETY: the second argument, as above.
    let full = unsafe { Sock::from_argument(context.arg(1)) };
    // DCCP has timewait sockets too.
    if full.protocol() == IPPROTO_TCP {
        minisock::timewait_created(context.arg(0), 0);
    }
    0
}

/// The timer is restarted: the peer's FIN arrived (FIN_WAIT2 to TIME_WAIT), or a segment was retransmitted.
/// `(struct inet_timewait_sock *tw, int timeo, bool rearm)`
#[fentry(function = "__inet_twsk_schedule")]
pub fn __inet_twsk_schedule(context: FEntryContext) -> i32 {
    // A C `bool` argument is the lowest byte of its register.
    let rearm = context.arg::<u64>(2) as u8 != 0;
    let tw: u64 = context.arg(0);
    if rearm && minisock::timewait_substate(tw) == state::TIME_WAIT {
        minisock::timewait_created(tw, 0);
    }
    0
}

/// The timewait socket is removed: its timer expired, or something removed it before. `(struct inet_timewait_sock *tw)`
#[fentry(function = "inet_twsk_kill")]
pub fn inet_twsk_kill(context: FEntryContext) -> i32 {
    // SAFETY: the only argument, as above.
    let tw = unsafe { BtfPtr::new(context.arg(0)) };
    let expires: u64 = tw.load(value(&OFFSETS.tw_timer) + value(&OFFSETS.timer_expires));
    // SAFETY: the helper has no conditions.
    let now = unsafe { bpf_jiffies64() };
    minisock::removed(&context, tw.address(), state::TIME_WAIT, expires <= now);
    0
}
