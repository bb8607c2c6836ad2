//! Half-open connections, by fentry on functions of net/ipv4/inet_connection_sock.c. The records are those that the timer
//! tracepoints give, but only these functions become slower, not every timer of the kernel.

use aya_ebpf::{helpers::generated::bpf_jiffies64, macros::fentry, programs::FEntryContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    memory::BtfPtr,
    minisock,
    sock::{IPPROTO_TCP, Sock},
};

/// A SYN arrived. `(struct sock *listener, struct request_sock *req, …)`
#[fentry(function = "inet_csk_reqsk_queue_hash_add")]
pub fn inet_csk_reqsk_queue_hash_add(context: FEntryContext) -> i32 {
    // SAFETY: the first argument, as above.
    let listener = unsafe { Sock::from_argument(context.arg(0)) };
    // DCCP has request sockets too.
    if listener.protocol() == IPPROTO_TCP {
        minisock::half_open_created(context.arg(1));
    }
    0
}

/// The request socket is removed: promoted, reset or timed out. From 6.12 on, and in older kernels with the backport.
/// `(struct sock *sk, struct request_sock *req, bool from_timer)`
#[fentry(function = "__inet_csk_reqsk_queue_drop")]
pub fn __inet_csk_reqsk_queue_drop(context: FEntryContext) -> i32 {
    // A C `bool` argument is the lowest byte of its register.
    let from_timer = context.arg::<u64>(2) as u8 != 0;
    minisock::removed(&context, context.arg(1), state::SYN_RECV, from_timer);
    0
}

/// The same on kernels without `__inet_csk_reqsk_queue_drop`. `(struct request_sock *req)`
#[fentry(function = "reqsk_queue_unlink")]
pub fn reqsk_queue_unlink(context: FEntryContext) -> i32 {
    // SAFETY: the only argument, as above.
    let request = unsafe { BtfPtr::new(context.arg(0)) };
    let expires: u64 = request.load(value(&OFFSETS.rsk_timer) + value(&OFFSETS.timer_expires));
    // SAFETY: the helper has no conditions.
    let now = unsafe { bpf_jiffies64() };
    minisock::removed(&context, request.address(), state::SYN_RECV, expires <= now);
    0
}
