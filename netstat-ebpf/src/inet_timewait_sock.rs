//! What is left of a closed connection, by fentry on the functions of net/ipv4/inet_timewait_sock.c: the
//! same records as the timers' tracepoints make, but only these functions pay for them.

use aya_ebpf::{helpers::generated::bpf_jiffies64, macros::fentry, programs::FEntryContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    minisock,
    sock::{IPPROTO_TCP, Sock, Typed},
};

/// A timewait socket takes its full socket's place; up to 6.11.
#[fentry(function = "inet_twsk_hashdance")]
pub fn inet_twsk_hashdance(context: FEntryContext) -> i32 {
    begins(&context)
}

/// The same from 6.12 on.
#[fentry(function = "inet_twsk_hashdance_schedule")]
pub fn inet_twsk_hashdance_schedule(context: FEntryContext) -> i32 {
    begins(&context)
}

/// Both begin with `(struct inet_timewait_sock *tw, struct sock *sk, …)`, and `tw` is complete.
#[inline(always)]
fn begins(context: &FEntryContext) -> i32 {
    // SAFETY: the second argument, as said above.
    let full = unsafe { Sock::from_argument(context.arg(1)) };
    // DCCP has timewait sockets too.
    if full.protocol() == IPPROTO_TCP {
        minisock::time_wait(context.arg(0), 0);
    }
    0
}

/// Its time is set anew: the peer's FIN came (FIN_WAIT2 to TIME_WAIT), or a segment came again.
/// `(struct inet_timewait_sock *tw, int timeo, bool rearm)`
#[fentry(function = "__inet_twsk_schedule")]
pub fn __inet_twsk_schedule(context: FEntryContext) -> i32 {
    // A C `bool` argument is its register's lowest byte.
    let rearm = context.arg::<u64>(2) as u8 != 0;
    let tw: u64 = context.arg(0);
    if rearm && minisock::substate(tw) == state::TIME_WAIT {
        minisock::time_wait(tw, 0);
    }
    0
}

/// It goes: its time has come, or something ends it before. `(struct inet_timewait_sock *tw)`
#[fentry(function = "inet_twsk_kill")]
pub fn inet_twsk_kill(context: FEntryContext) -> i32 {
    let tw = Typed(context.arg(0));
    let timer = value(&raw const OFFSETS.tw_timer);
    let expires: u64 = tw.load(timer + value(&raw const OFFSETS.timer_expires));
    // SAFETY: the helper has no conditions.
    let now = unsafe { bpf_jiffies64() };
    minisock::stop(tw.0 as u64, state::TIME_WAIT, expires <= now);
    0
}
