//! The classic tracepoint `sock/inet_sock_set_state`, for kernels where tp_btf doesn't load: all that
//! is known is in its record, whose layout user space reads from the `format` file.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};
use netstat_ebpf::wire::{flag, state};

use crate::{
    globals::{CLASSIC_FORMAT, value},
    left_out,
    record::{self, Change},
    sock::{Ends, IPPROTO_MPTCP, IPPROTO_TCP},
};

#[tracepoint]
pub fn inet_sock_set_state_classic(context: TracePointContext) -> u32 {
    emit(&context);
    0
}

#[inline(always)]
fn emit(context: &TracePointContext) {
    let (old, new): (u32, u32) = (
        load(context, &raw const CLASSIC_FORMAT.oldstate),
        load(context, &raw const CLASSIC_FORMAT.newstate),
    );
    let (old, new) = (old as u8, new as u8);
    let protocol: u16 = load(context, &raw const CLASSIC_FORMAT.protocol);
    if old == new || (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP) || left_out::by_states(old, new) {
        return;
    }
    let family = load(context, &raw const CLASSIC_FORMAT.family);
    let ends = Ends {
        // A socket that connects again still shows the port of its last connection.
        local_port: if new == state::SYN_SENT { 0 } else { load(context, &raw const CLASSIC_FORMAT.sport) },
        remote_port: load(context, &raw const CLASSIC_FORMAT.dport),
        local_addr: words(load(context, &raw const CLASSIC_FORMAT.saddr_v6)),
        remote_addr: words(load(context, &raw const CLASSIC_FORMAT.daddr_v6)),
    };
    if left_out::by_ends(old, family, &ends) {
        return;
    }
    let change = Change {
        old,
        new,
        family,
        protocol,
        sk: load(context, &raw const CLASSIC_FORMAT.skaddr),
        cookie: 0,
        netns: 0,
        error: 0,
        flags: flag::CLASSIC,
        cgroup: 0,
        numbers: None,
        ends,
    };
    record::submit(context, &change);
}

/// An address: the record has it at a multiple of 4 bytes, so it is loaded as four words.
#[inline(always)]
fn words(addr: [u32; 4]) -> [u64; 2] {
    [u64::from(addr[1]) << 32 | u64::from(addr[0]), u64::from(addr[3]) << 32 | u64::from(addr[2])]
}

/// A field of the tracepoint's record. The verifier takes no direct load at an offset that is added to
/// the context, so a helper reads; zeroes stand for a field that is not there, which none is.
#[inline(always)]
fn load<T: Copy + Default>(context: &TracePointContext, offset: *const u32) -> T {
    // SAFETY: the helper checks the address; every T here is made of integers.
    unsafe { context.read_at(value(offset) as usize) }.unwrap_or_default()
}
