//! `fentry/tcp_connect` and `fexit/tcp_try_fastopen`: the tuple of a connection whose first transition did not have it.

use aya_ebpf::{
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};
use netstat_ebpf::wire::state;

use crate::{
    record::{self, SocketEvent},
    sock::Sock,
};

/// The SYN is sent: the kernel has chosen the local port since CLOSE→SYN_SENT. `(struct sock *sk)`
#[fentry(function = "tcp_connect")]
pub fn tcp_connect(context: FEntryContext) -> i32 {
    // SAFETY: the only argument, as above.
    submit(unsafe { Sock::from_argument(context.arg(0)) }, state::SYN_SENT);
    0
}

/// A Fast Open child exists, and its SYN-ACK is sent; up to 6.12 it had its listener's tuple at LISTEN→SYN_RECV. The
/// function has five arguments and returns a `struct sock *`.
#[fexit(function = "tcp_try_fastopen")]
pub fn tcp_try_fastopen(context: FExitContext) -> i32 {
    let child: *const u8 = context.arg(5);
    if !child.is_null() {
        // SAFETY: the return value, as above.
        submit(unsafe { Sock::from_argument(child) }, state::SYN_RECV);
    }
    0
}

#[inline(always)]
fn submit(sock: Sock, state: u8) {
    let family = sock.family();
    record::submit_tuple(&SocketEvent {
        old: state,
        new: state,
        family,
        protocol: sock.protocol(),
        sk: sock.address(),
        cookie: sock.cookie(),
        netns: 0,
        error: 0,
        soft_error: 0,
        flags: 0,
        cgroup: 0,
        tcp_stats: None,
        tuple: sock.tuple(family),
    });
}
