//! `tp_btf/tcp_send_reset`: this host sends an RST.
//!
//! The kernel sends it right before or right after the socket's transition to CLOSE, in the same context. For a half-open
//! connection it names the listener as the socket (`tcp_check_req`, net/ipv4/tcp_minisocks.c), so the record has the tuple
//! of the segment that the RST answers. An RST for no socket at all is not recorded: it ends no connection.

use core::hint::black_box;

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::{ResetSentRecord, kind, state};

use crate::{
    globals::{OFFSETS, value},
    memory::BtfPtr,
    record, skb,
    sock::{Sock, Tuple},
};

/// `(const struct sock *sk, const struct sk_buff *skb)`, and from 6.11 on `enum sk_rst_reason reason`
/// (include/trace/events/tcp.h). Up to 6.10 it is called for full sockets only. Both pointers may be null.
#[btf_tracepoint(function = "tcp_send_reset")]
pub fn tcp_send_reset(context: BtfTracePointContext) -> i32 {
    let cause = match value(&OFFSETS.send_reset_arguments) {
        // Without `black_box` the compiler would read the third argument everywhere, which the verifier rejects.
        3 => black_box(context.arg::<u64>(2)) as u32,
        2 => ResetSentRecord::NO_CAUSE,
        _ => return 0,
    };
    let sk: *const u8 = context.arg(0);
    if sk.is_null() {
        return 0;
    }
    // SAFETY: the first argument, as above.
    let (pointer, sock) = unsafe { (BtfPtr::new(sk), Sock::from_argument(sk)) };
    let mut reset = ResetSentRecord {
        kind: kind::RESET_SENT,
        state: pointer.load(value(&OFFSETS.skc_state)),
        unused: 0,
        cause,
        // It follows once the record has its place in the ring.
        mono_ns: 0,
        sk: sock.address(),
        netns: 0,
        local_port: 0,
        remote_port: 0,
        local_addr: [0; 2],
        remote_addr: [0; 2],
        ifindex: 0,
        arrived_on: 0,
    };
    if reset.state == state::LISTEN {
        let segment: *const u8 = context.arg(1);
        if segment.is_null() {
            return 0;
        }
        // SAFETY: the second argument, as above.
        let segment = unsafe { BtfPtr::new(segment) };
        let Some(tuple) = skb::receiver_tuple(segment) else { return 0 };
        let Tuple { local_port, remote_port, local_addr, remote_addr } = tuple;
        reset = ResetSentRecord {
            netns: sock.netns(),
            local_port,
            remote_port,
            local_addr,
            remote_addr,
            ifindex: sock.bound_dev_if(),
            arrived_on: segment.load(value(&OFFSETS.skb_iif)),
            ..reset
        };
    }
    record::submit_observation(|| ResetSentRecord { mono_ns: record::now(), ..reset });
    0
}
