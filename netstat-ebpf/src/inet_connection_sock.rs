//! Half-open connections, by fentry on the functions of net/ipv4/inet_connection_sock.c: the same records
//! as the timers' tracepoints make, but only these functions pay for them.

use aya_ebpf::{helpers::generated::bpf_jiffies64, macros::fentry, programs::FEntryContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    minisock,
    sock::{IPPROTO_TCP, Sock, Typed},
};

/// A SYN came. `(struct sock *listener, struct request_sock *req, …)`
#[fentry(function = "inet_csk_reqsk_queue_hash_add")]
pub fn inet_csk_reqsk_queue_hash_add(context: FEntryContext) -> i32 {
    // SAFETY: the first argument, as said above.
    let listener = unsafe { Sock::from_argument(context.arg(0)) };
    // DCCP has request sockets too.
    if listener.protocol() == IPPROTO_TCP {
        minisock::half_open(context.arg(1));
    }
    0
}

/// It is over: promoted, reset, or out of time; from 6.12 on, and in what was ported back from there.
/// `(struct sock *sk, struct request_sock *req, bool from_timer)`
#[fentry(function = "__inet_csk_reqsk_queue_drop")]
pub fn __inet_csk_reqsk_queue_drop(context: FEntryContext) -> i32 {
    // A C `bool` argument is its register's lowest byte.
    let from_timer = context.arg::<u64>(2) as u8 != 0;
    minisock::stop(context.arg(1), state::SYN_RECV, from_timer);
    0
}

/// The same on kernels without that. `(struct request_sock *req)`
#[fentry(function = "reqsk_queue_unlink")]
pub fn reqsk_queue_unlink(context: FEntryContext) -> i32 {
    let request = Typed(context.arg(0));
    let timer = value(&raw const OFFSETS.rsk_timer);
    let expires: u64 = request.load(timer + value(&raw const OFFSETS.timer_expires));
    // SAFETY: the helper has no conditions.
    let now = unsafe { bpf_jiffies64() };
    minisock::stop(request.0 as u64, state::SYN_RECV, expires <= now);
    0
}
