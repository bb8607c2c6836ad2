//! `tp_btf/inet_sock_set_state`: every transition of every TCP socket, recorded by two programs, or by three.
//!
//! The kernel skips a program that already runs on the CPU (`__bpf_trace_run`, kernel/trace/bpf_trace.c, 6.2). A softirq
//! that interrupts the main program and changes another socket's state is therefore not seen by it. The nested program
//! runs after the main one for each transition, and records those that the main one has not. Kernels without that check
//! run the main program for the interrupting transition too. Where a task can be preempted inside a program, one can be
//! preempted inside each of the two: the third program records the transitions of other tasks meanwhile. What none of
//! them records is in `recursion_misses` of bpf_prog_info.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use aya_log_ebpf::{debug, info};
use netstat_ebpf::wire::{TransitionKey, flag, state};

use crate::{
    dedup, interface, kernel_filter, loss_counters, mptcp,
    record::{self, SocketEvent},
    running,
    sock::{IPPROTO_MPTCP, IPPROTO_TCP, Sock, TcpStats},
};

#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state(context: BtfTracePointContext) -> i32 {
    running::set_main(true);
    emit(&context);
    if let Some(log) = dedup::log() {
        log.add(key(&context));
    }
    running::set_main(false);
    0
}

#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state_nested(context: BtfTracePointContext) -> i32 {
    running::set_nested(true);
    let key = key(&context);
    if let Some(log) = dedup::log()
        && !log.take(key)
        && !dedup::take_from_other_cpus(key)
    {
        rescue(&context);
    }
    running::set_nested(false);
    0
}

#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn inet_sock_set_state_preempting(context: BtfTracePointContext) -> i32 {
    if running::are_both_preempted() {
        rescue(&context);
    }
    0
}

/// Records a transition in place of the main program.
#[inline(always)]
fn rescue(context: &BtfTracePointContext) {
    loss_counters::count_rescued();
    info!(context, "nested transition from {} to {}", context.arg::<i32>(1), context.arg::<i32>(2));
    emit(context);
}

/// Identifies the transition in the deduplication log.
#[inline(always)]
fn key(context: &BtfTracePointContext) -> TransitionKey {
    let (old, new): (u64, u64) = (context.arg(1), context.arg(2));
    // SAFETY: as in `emit`.
    let sock = unsafe { Sock::from_argument(context.arg(0)) };
    TransitionKey { sk: sock.address(), states_and_cookie: sock.existing_cookie() ^ (old << 60 | new << 56) }
}

/// Whether the socket's TCP statistics mean something: it was connected, or it has sent SYNs.
#[inline(always)]
fn has_tcp_stats(old: u8) -> bool {
    old != state::SYN_RECV && old != state::LISTEN
}

#[inline(always)]
fn emit(context: &BtfTracePointContext) {
    let (old, new) = (context.arg::<i32>(1) as u8, context.arg::<i32>(2) as u8);
    if old == new || kernel_filter::drops_states(old, new) {
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
    // Read before the branches on the family: the verifier checks each branch on its own, and each load of a pointer
    // makes it search all of the kernel's types (`type_is_rcu` and similar, kernel/bpf/verifier.c, 6.18).
    let is_opened = new == state::SYN_SENT || new == state::LISTEN;
    let netns = sock.netns();
    let ifindex = sock.bound_dev_if();
    let error = sock.error();
    let mut flags = if sock.has_socket() { flag::HAS_SOCKET } else { 0 };
    let mut soft_error = 0;
    if old == state::SYN_SENT && new == state::CLOSE {
        soft_error = sock.soft_error();
        if sock.fails_to_connect() {
            flags |= flag::CONNECT_FAILED;
        }
    } else if old == state::LAST_ACK && error != 0 && sock.is_all_acknowledged() {
        flags |= flag::FIN_ACKNOWLEDGED;
    }
    let cgroup = if is_opened { sock.cgroup() } else { 0 };
    let family = sock.family();
    let mut tuple = sock.tuple(family);
    // If connect() fails because no port is left, the source port is still that of the socket's last connection.
    if new == state::CLOSE && tuple.local_port == 0 && flags & flag::CONNECT_FAILED == 0 {
        tuple.local_port = sock.source_port();
    }
    if kernel_filter::drops_tuple(old, family, &tuple) {
        return;
    }
    let event = SocketEvent {
        old,
        new,
        family,
        protocol,
        sk: sock.address(),
        cookie: sock.cookie(),
        netns,
        error,
        soft_error,
        flags,
        cgroup,
        tcp_stats: if new == state::CLOSE && has_tcp_stats(old) {
            sock.tcp_stats()
        } else {
            TcpStats::UNKNOWN
        },
        tuple,
        ifindex,
    };
    interface::submit_name(sock.net().address(), netns, ifindex);
    record::submit_transition(context, &event);
    // The listener has created the subflow's connection (`mptcp_sk_clone_init`, net/mptcp/protocol.c, 6.18), and copies the
    // endpoints to it without a transition.
    if old == state::SYN_RECV && new == state::ESTABLISHED && protocol == IPPROTO_TCP && sock.is_subflow() {
        mptcp::submit_tuple_of_connection(sock.address(), new, 0, family, tuple);
    }
}
