//! `fexit/inet_csk_accept`: which process accepts a connection.

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
    record::submit_observation(AcceptRecord {
        kind: kind::ACCEPT,
        unused: [0; 3],
        pid: record::process_id(),
        sk: sock.address(),
        cookie: sock.cookie(),
        uid: bpf_get_current_uid_gid() as u32,
        unused_end: 0,
        comm: bpf_get_current_comm().unwrap_or_default(),
    });
    0
}
