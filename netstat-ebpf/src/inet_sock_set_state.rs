//! `tp_btf/inet_sock_set_state`: every transition of every TCP socket, in two programs, or three.
//!
//! The kernel skips a program that is already running on the CPU (`__bpf_trace_run`,
//! kernel/trace/bpf_trace.c, 6.2), and a softirq may interrupt the first program and change another
//! socket's state. The second program runs after the first at each event, and emits what the first has
//! not noted as seen. Where the kernel has no such guard the first sees the nested event itself. Where a
//! task may be preempted inside a program, one may be so inside each of the two: the third program emits
//! what comes meanwhile. What escapes all is in `recursion_misses`.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use aya_log_ebpf::{debug, info};
use netstat_ebpf::wire::{Seen, flag, state};

use crate::{
    at_work, counters, left_out,
    record::{self, Change},
    seen,
    sock::{IPPROTO_MPTCP, IPPROTO_TCP, Sock},
};

#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state(context: BtfTracePointContext) -> i32 {
    at_work::main(true);
    emit(&context);
    if let Some(notes) = seen::notes() {
        notes.add(this(&context));
    }
    at_work::main(false);
    0
}

#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state_nested(context: BtfTracePointContext) -> i32 {
    at_work::nested(true);
    let this = this(&context);
    if let Some(notes) = seen::notes()
        && !notes.take(this)
        && !seen::take_elsewhere(this)
    {
        rescue(&context);
    }
    at_work::nested(false);
    0
}

#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state_preempting(context: BtfTracePointContext) -> i32 {
    if at_work::are_both() {
        rescue(&context);
    }
    0
}

/// Emits in the place of the main program.
#[inline(always)]
fn rescue(context: &BtfTracePointContext) {
    counters::count_rescued();
    info!(context, "nested transition from {} to {}", context.arg::<i32>(1), context.arg::<i32>(2));
    emit(context);
}

/// The transition, as two programs know it.
#[inline(always)]
fn this(context: &BtfTracePointContext) -> Seen {
    let (old, new): (u64, u64) = (context.arg(1), context.arg(2));
    // SAFETY: as in `emit`.
    let sock = unsafe { Sock::from_argument(context.arg(0)) };
    Seen { sk: sock.address(), what: sock.known_cookie() ^ (old << 60 | new << 56) }
}

/// Whether the handshake was over: before that there is nothing to number.
#[inline(always)]
fn was_connected(old: u8) -> bool {
    old != state::SYN_SENT && old != state::SYN_RECV && old != state::LISTEN
}

#[inline(always)]
fn emit(context: &BtfTracePointContext) {
    let (old, new) = (context.arg::<i32>(1) as u8, context.arg::<i32>(2) as u8);
    if old == new || left_out::by_states(old, new) {
        return;
    }
    // SAFETY: TP_PROTO(const struct sock *sk, const int oldstate, const int newstate),
    // include/trace/events/sock.h, the same from 4.16 to 6.18.
    let sock = unsafe { Sock::from_argument(context.arg(0)) };
    let protocol = sock.protocol();
    if protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP {
        debug!(context, "protocol {} is not TCP", protocol);
        return;
    }
    // Before the branches on the family: the verifier follows each way on, and each load of a pointer costs it a
    // search through all of the kernel's types (`type_is_rcu` and its like, kernel/bpf/verifier.c, 6.18).
    let begins = new == state::SYN_SENT || new == state::LISTEN;
    let netns = sock.netns();
    let flags = if sock.has_socket() { flag::HAS_SOCKET } else { 0 };
    let cgroup = if begins { sock.cgroup() } else { 0 };
    let family = sock.family();
    let mut ends = sock.ends(family);
    if new == state::CLOSE && ends.local_port == 0 {
        ends.local_port = sock.source_port();
    }
    if left_out::by_ends(old, family, &ends) {
        return;
    }
    let change = Change {
        old,
        new,
        family,
        protocol,
        sk: sock.address(),
        cookie: sock.cookie(),
        netns,
        error: sock.error(),
        flags,
        cgroup,
        numbers: if new == state::CLOSE && was_connected(old) { sock.numbers() } else { None },
        ends,
    };
    record::submit(context, &change);
}
