//! `tp_btf/inet_sk_error_report`: an ICMP error answers a SYN.
//!
//! If the error arrives while connect() still uses the socket (always on loopback, and through a veth pair), the kernel
//! keeps the socket in SYN_SENT and stores the error in `sk_err_soft` only (`tcp_v4_err`, net/ipv4/tcp_ipv4.c), where
//! reading SO_ERROR clears it. Before that it has queued the packet with its error, and reports that.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::{SynErrorRecord, kind, state};

use crate::{
    globals::{OFFSETS, value},
    memory::{BtfPtr, probe_read},
    record,
    sock::Sock,
};

/// The first eight bytes of `struct sock_extended_err` (include/uapi/linux/errqueue.h).
type ExtendedError = [u8; 8];
/// `ee_origin` in it.
const ORIGIN: usize = 4;
/// SO_EE_ORIGIN_ICMP and SO_EE_ORIGIN_ICMP6.
const ICMP_ORIGINS: [u8; 2] = [2, 3];

/// `(const struct sock *sk)`, include/trace/events/sock.h, from 5.14 on.
#[btf_tracepoint(function = "inet_sk_error_report")]
pub fn inet_sk_error_report(context: BtfTracePointContext) -> i32 {
    // None if no packet is in the queue.
    let _ = report(context.arg(0));
    0
}

#[inline(always)]
fn report(sk: *const u8) -> Option<()> {
    if sk.is_null() {
        return None;
    }
    // SAFETY: the tracepoint's only argument.
    let (pointer, sock) = unsafe { (BtfPtr::new(sk), Sock::from_argument(sk)) };
    if pointer.load::<u8>(value(&OFFSETS.skc_state)) != state::SYN_SENT || sock.error() != 0 {
        return None;
    }
    let last = u64::from(value(&OFFSETS.sk_error_queue_last));
    let packet: u64 = probe_read(sock.address() + last)?;
    // In an empty queue both pointers, `next` before `prev`, refer to the queue itself.
    if packet + 8 == sock.address() + last {
        return None;
    }
    let error: ExtendedError = probe_read(packet + u64::from(value(&OFFSETS.skb_error)))?;
    if ICMP_ORIGINS.contains(&error[ORIGIN]) {
        record::submit_observation(|| SynErrorRecord {
            kind: kind::SYN_ERROR,
            unused: [0; 3],
            error: u32::from_ne_bytes([error[0], error[1], error[2], error[3]]),
            sk: sock.address(),
        });
    }
    Some(())
}
