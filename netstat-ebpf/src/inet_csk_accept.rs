//! `fexit/inet_csk_accept`: which process accepted a connection.

use core::hint::black_box;

use aya_ebpf::{
    helpers::{bpf_get_current_comm, bpf_get_current_uid_gid},
    macros::fexit,
    programs::FExitContext,
};
use netstat_ebpf::wire::{AcceptRecord, kind};

use crate::{
    globals::{OFFSETS, value},
    record,
    sock::Sock,
};

#[fexit(function = "inet_csk_accept")]
pub fn inet_csk_accept(context: FExitContext) -> i32 {
    // The return value stands behind the arguments: `(sk, flags, err, kern)`, and `(sk, arg)` from 6.10.
    // The compiler would choose between two places in the context and load once, which the verifier
    // doesn't take: `black_box` keeps the loads apart.
    let accepted: *const u8 = match value(&raw const OFFSETS.accept_arguments) {
        4 => black_box(context.arg(4)),
        _ => context.arg(2),
    };
    if accepted.is_null() {
        return 0;
    }
    // SAFETY: `struct sock *inet_csk_accept(…)`, net/ipv4/inet_connection_sock.c.
    let sock = unsafe { Sock::from_argument(accepted) };
    let accept = AcceptRecord {
        kind: kind::ACCEPT,
        unused: [0; 3],
        pid: record::process_id(),
        sk: sock.address(),
        cookie: sock.cookie(),
        uid: bpf_get_current_uid_gid() as u32,
        unused_too: 0,
        comm: bpf_get_current_comm().unwrap_or_default(),
    };
    record::submit_plain(accept);
    0
}
