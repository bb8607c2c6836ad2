//! `tp_btf/tcp_retransmit_synack`: a SYN-ACK is sent again, by its timer or because the SYN arrived again.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use netstat_ebpf::wire::state;

use crate::{
    globals::{OFFSETS, value},
    memory::BtfPtr,
    tcp_retransmit_skb::submit,
};

/// `(const struct sock *sk, const struct request_sock *req)`, include/trace/events/tcp.h. `sk` is the listener; or the
/// child, where a Fast Open SYN has created it already.
#[btf_tracepoint(function = "tcp_retransmit_synack")]
pub fn tcp_retransmit_synack(context: BtfTracePointContext) -> i32 {
    let sk: *const u8 = context.arg(0);
    if sk.is_null() {
        return 0;
    }
    // SAFETY: the first argument, as above.
    let sock = unsafe { BtfPtr::new(sk) };
    if sock.load::<u8>(value(&OFFSETS.skc_state)) == state::SYN_RECV {
        submit(sock.address());
    } else {
        submit(context.arg(1));
    }
    0
}
