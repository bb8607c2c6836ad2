//! `tp_btf/tcp_retransmit_skb`: a SYN is sent again, or the SYN-ACK of a simultaneous open.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::{SynRetransmittedRecord, kind, state};

use crate::{
    globals::{OFFSETS, value},
    memory::BtfPtr,
    record,
};

/// `(const struct sock *sk, const struct sk_buff *skb)`, and from 6.17 on `int err` (include/trace/events/tcp.h). Before, the
/// kernel calls it only for segments that this host's own packet filter has let pass.
#[btf_tracepoint(function = "tcp_retransmit_skb")]
pub fn tcp_retransmit_skb(context: BtfTracePointContext) -> i32 {
    let sk: *const u8 = context.arg(0);
    if sk.is_null() {
        return 0;
    }
    // SAFETY: the first argument, as above.
    let sock = unsafe { BtfPtr::new(sk) };
    let state: u8 = sock.load(value(&OFFSETS.skc_state));
    if state == state::SYN_SENT || state == state::SYN_RECV {
        submit(sock.address());
    }
    0
}

/// Writes the record for the socket at this address.
#[inline(always)]
pub fn submit(sk: u64) {
    record::submit_observation(|| SynRetransmittedRecord {
        kind: kind::SYN_RETRANSMITTED,
        unused: [0; 7],
        sk,
    });
}
