//! The classic tracepoint `sock/inet_sock_set_state`, for kernels where tp_btf programs don't load. It shows only what is
//! in the tracepoint's record; user space reads the layout of that from the `format` file.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};
use netstat_ebpf::wire::{Plain, flag, state};

use crate::{
    globals::{CLASSIC_FORMAT, value},
    kernel_filter,
    record::{self, SocketEvent},
    sock::{IPPROTO_MPTCP, IPPROTO_TCP, TcpStats, Tuple},
};

#[tracepoint]
pub fn inet_sock_set_state_classic(context: TracePointContext) -> u32 {
    // None only for a field that can't be read, and the kernel's own record can.
    let _ = emit(&context);
    0
}

#[inline(always)]
fn emit(context: &TracePointContext) -> Option<()> {
    let old = load::<u32>(context, &CLASSIC_FORMAT.oldstate)? as u8;
    let new = load::<u32>(context, &CLASSIC_FORMAT.newstate)? as u8;
    let protocol: u16 = load(context, &CLASSIC_FORMAT.protocol)?;
    if old == new
        || (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP)
        || kernel_filter::drops_states(old, new)
    {
        return None;
    }
    let family = load(context, &CLASSIC_FORMAT.family)?;
    let tuple = Tuple {
        // A socket that connects again still shows the port of its last connection.
        local_port: if new == state::SYN_SENT { 0 } else { load(context, &CLASSIC_FORMAT.sport)? },
        remote_port: load(context, &CLASSIC_FORMAT.dport)?,
        local_addr: words(load(context, &CLASSIC_FORMAT.saddr_v6)?),
        remote_addr: words(load(context, &CLASSIC_FORMAT.daddr_v6)?),
    };
    if kernel_filter::drops_tuple(old, family, &tuple) {
        return None;
    }
    let event = SocketEvent {
        old,
        new,
        family,
        protocol,
        sk: load(context, &CLASSIC_FORMAT.skaddr)?,
        cookie: 0,
        netns: 0,
        error: 0,
        soft_error: 0,
        flags: flag::CLASSIC,
        cgroup: 0,
        tcp_stats: TcpStats::UNKNOWN,
        tuple,
        ifindex: 0,
    };
    record::submit_transition(context, &event);
    Some(())
}

/// An address as a record has it. The tracepoint's record aligns it to 4 bytes only, so it is loaded as four words.
#[inline(always)]
fn words(addr: [u32; 4]) -> [u64; 2] {
    [u64::from(addr[1]) << 32 | u64::from(addr[0]), u64::from(addr[3]) << 32 | u64::from(addr[2])]
}

/// A field of the tracepoint's record. A helper reads it, because the verifier takes no direct load from the context at
/// an offset that is no constant of the program's text. User space has checked that the field is within the record.
#[inline(always)]
fn load<T: Plain>(context: &TracePointContext, offset: &'static u32) -> Option<T> {
    // SAFETY: the helper checks the address, and any bytes are a valid T.
    unsafe { context.read_at(value(offset) as usize) }.ok()
}
