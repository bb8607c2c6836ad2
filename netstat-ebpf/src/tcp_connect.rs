//! `fentry/tcp_connect` and `fexit/tcp_try_fastopen`: the tuple of a connection whose first transition did not have it.

use aya_ebpf::{
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};
use netstat_ebpf::wire::state;

use crate::{
    mptcp,
    record::{self, TupleEvent},
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
    let tuple = sock.tuple(family);
    let (protocol, sk, cookie) = (sock.protocol(), sock.address(), sock.cookie());
    record::submit_tuple(TupleEvent { state, flags: 0, family, protocol, sk, cookie, tuple });
    mptcp::submit_tuple_of_connection(sk, state, 0, family, tuple);
}
