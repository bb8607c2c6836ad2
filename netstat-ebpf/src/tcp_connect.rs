//! `fentry/tcp_connect` and `fexit/tcp_try_fastopen`: a connection's ends, where its first transition could
//! not show them.

use aya_ebpf::{
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};
use netstat_ebpf::wire::state;

use crate::{
    record::{self, Change},
    sock::Sock,
};

/// The SYN goes out: the kernel has chosen the local port since CLOSE→SYN_SENT. `(struct sock *sk)`
#[fentry(function = "tcp_connect")]
pub fn tcp_connect(context: FEntryContext) -> i32 {
    // SAFETY: the only argument, as said above.
    tell_ends(unsafe { Sock::from_argument(context.arg(0)) }, state::SYN_SENT);
    0
}

/// A Fast Open child is there, and its SYN-ACK goes out; up to 6.12 it showed its listener's ends at
/// LISTEN→SYN_RECV. Five arguments, then the `struct sock *` that it returns.
#[fexit(function = "tcp_try_fastopen")]
pub fn tcp_try_fastopen(context: FExitContext) -> i32 {
    let child: *const u8 = context.arg(5);
    if !child.is_null() {
        // SAFETY: what the function returns, as said above.
        tell_ends(unsafe { Sock::from_argument(child) }, state::SYN_RECV);
    }
    0
}

#[inline(always)]
fn tell_ends(sock: Sock, now: u8) {
    let family = sock.family();
    record::submit_ends(&Change {
        old: now,
        new: now,
        family,
        protocol: sock.protocol(),
        sk: sock.address(),
        cookie: sock.cookie(),
        netns: 0,
        error: 0,
        flags: 0,
        cgroup: 0,
        numbers: None,
        ends: sock.ends(family),
    });
}
