//! `fexit/inet_csk_accept`: which process accepts a connection.

use core::hint::black_box;

use aya_ebpf::{macros::fexit, programs::FExitContext};
use netstat_ebpf::wire::{AcceptRecord, kind};

use crate::{
    globals::{OFFSETS, value},
    mptcp, process, record,
    sock::{self, Sock},
};

#[fexit(function = "inet_csk_accept")]
pub fn inet_csk_accept(context: FExitContext) -> i32 {
    // The return value follows the arguments: `(sk, flags, err, kern)` up to 6.9, `(sk, arg)` from 6.10 on. Without
    // `black_box` the compiler would compute the address and load once, which the verifier rejects.
    let accepted: *const u8 = match value(&OFFSETS.accept_arguments) {
        4 => black_box(context.arg(4)),
        2 => context.arg(2),
        _ => return 0,
    };
    if accepted.is_null() {
        return 0;
    }
    // SAFETY: `struct sock *inet_csk_accept(…)`, net/ipv4/inet_connection_sock.c, 5.10 to 6.18.
    let sock = unsafe { Sock::from_argument(accepted) };
    submit(sock.address(), sock.cookie());
    // `mptcp_accept` accepts the first subflow by this function (net/mptcp/protocol.c, 5.10 to 6.18).
    if let Some(connection) = mptcp::connection_of(sock.address()) {
        submit(connection, sock::cookie_at(connection));
    }
    0
}

#[inline(always)]
fn submit(sk: u64, cookie: u64) {
    record::submit_observation(|| AcceptRecord {
        kind: kind::ACCEPT,
        unused: [0; 7],
        sk,
        cookie,
        process: process::current(false),
    });
}
