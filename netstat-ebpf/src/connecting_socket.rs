//! Reports the tuple of a connecting socket. Also a program that user space runs for one socket, by BPF_PROG_TEST_RUN.
//!
//! connect() with TCP_FASTOPEN_CONNECT and a cached cookie chooses the port and returns; the SYN is sent with the first data
//! (`tcp_fastopen_defer_connect`, net/ipv4/tcp_fastopen.c, 5.8 to 6.18). No tracepoint shows the port until then.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use netstat_ebpf::wire::{flag, state};

use crate::{
    globals::{OFFSETS, value},
    head::SockHead,
    memory::probe_read,
    mptcp,
    record::{self, TupleEvent},
    sock::IPPROTO_TCP,
};

/// Attached to nothing. `(struct sock *sk)`: the socket may have gone, or its memory may be another's. The record comes after
/// all of that socket in the ring, and has a cookie, so user space can tell which connection it belongs to.
#[raw_tracepoint]
pub fn connecting_socket(context: RawTracePointContext) -> i32 {
    // None for an address that is not a socket's, and for another state.
    let _ = submit_tuple(context.arg(0), flag::OBSERVED);
    0
}

/// Writes the tuple of the socket at an address, if that is in SYN_SENT or SYN_RECV and has a port. The state, one byte, is
/// read before the rest. `flags`: [`flag::OBSERVED`] unless the socket sends its first segment now.
#[inline(always)]
pub fn submit_tuple(sk: u64, flags: u8) -> Option<()> {
    let state: u8 = probe_read(sk + u64::from(value(&OFFSETS.skc_state)))?;
    if state != state::SYN_SENT && state != state::SYN_RECV {
        return None;
    }
    let head = SockHead::read(sk)?;
    let (family, tuple) = (head.family(), head.tuple());
    if tuple.local_port == 0 {
        return None;
    }
    // The protocol of an MPTCP socket is not within the head. User space knows it already.
    let protocol = IPPROTO_TCP;
    record::submit_tuple(TupleEvent { state, flags, family, protocol, sk, cookie: head.cookie(), tuple });
    mptcp::submit_tuple_of_connection(sk, state, flags, family, tuple);
    Some(())
}
