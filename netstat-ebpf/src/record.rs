//! Writes records to the ring buffer, and counts those that don't fit.

use aya_ebpf::{
    EbpfContext, bindings::BPF_RB_AVAIL_DATA, bindings::BPF_RB_RING_SIZE,
    helpers::generated::bpf_ktime_get_ns, macros::map, maps::RingBuf,
};
use aya_log_ebpf::warn;
use netstat_ebpf::wire::{
    CloseRecord, Plain, ProcessRecord, RING_BYTES, TransitionRecord, flag, kind, state,
};

use crate::{
    loss_counters, process,
    sock::{AF_INET6, IPPROTO_MPTCP, TcpStats, Tuple},
};

/// One ring for all CPUs: the order of reservation is the order of a socket's events.
///
/// A record gets its time stamp after its place in the ring is reserved. So a reader that has read everything which was reserved
/// before a moment has read everything that has an earlier stamp.
///
/// Records are submitted with flags 0: the kernel then wakes the reader only if it has read all records before
/// (`bpf_ringbuf_commit`, kernel/bpf/ringbuf.c, 5.8), so a reader that sleeps for a fixed time costs no wakeups.
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// What a program has read of a socket: a transition, or its state if `old` and `new` are the same.
#[derive(Clone, Copy)]
pub struct SocketEvent {
    pub old: u8,
    pub new: u8,
    pub family: u16,
    pub protocol: u16,
    pub sk: u64,
    pub cookie: u64,
    pub netns: u32,
    pub error: u16,
    pub soft_error: u16,
    /// The bits of [`flag`] that user space can't derive from the other fields.
    pub flags: u8,
    pub cgroup: u64,
    pub tcp_stats: TcpStats,
    pub tuple: Tuple,
    /// Index of the interface that the socket is bound to; 0 if it is not bound.
    pub ifindex: u32,
}

/// Whether the running process causes this transition (`tcp_v4_connect`, `inet_csk_listen_start`, `tcp_close_state`).
/// All others happen in softirqs and timers, where the running process is unrelated.
#[inline(always)]
fn is_by_process(old: u8, new: u8) -> bool {
    new == state::FIN_WAIT1
        || new == state::LAST_ACK
        || (old == state::CLOSE && (new == state::SYN_SENT || new == state::LISTEN))
}

/// Writes a transition, with the process if it causes the transition.
#[inline(always)]
pub fn submit_transition<C: EbpfContext>(context: &C, event: &SocketEvent) {
    let fits = if is_by_process(event.old, event.new) {
        submit_with_process(event)
    } else if event.tcp_stats.is_known {
        let TcpStats { is_known: _, bytes_acked, bytes_received, srtt_us, total_retrans } = event.tcp_stats;
        submit(|| CloseRecord {
            transition: transition(event, kind::CLOSE),
            bytes_acked,
            bytes_received,
            srtt_us,
            total_retrans,
        })
    } else {
        submit(|| transition(event, kind::TRANSITION))
    };
    if !fits {
        loss_counters::count_lost_transition();
        warn!(context, "ring full: a transition from {} to {} is lost", event.old, event.new);
    }
}

/// Writes each part of the record to the ring as soon as it is known: a program and what it calls have 512 bytes of stack
/// (`check_max_stack_depth`, kernel/bpf/verifier.c, up to 6.12).
#[inline(always)]
fn submit_with_process(event: &SocketEvent) -> bool {
    let Some(mut entry) = EVENTS.reserve::<ProcessRecord>(0) else { return false };
    let record = entry.as_mut_ptr();
    // SAFETY: the entry has the size and the alignment of the record, and each field is written before it is submitted.
    unsafe {
        (&raw mut (*record).transition).write(transition(event, kind::PROCESS));
        (&raw mut (*record).process).write(process::current(event.old != state::CLOSE));
        (&raw mut (*record).cgroup).write(event.cgroup);
    }
    entry.submit(0);
    true
}

/// A socket whose tuple is known now; its state does not change.
#[derive(Clone, Copy)]
pub struct TupleEvent {
    pub state: u8,
    /// [`flag::OBSERVED`] or 0.
    pub flags: u8,
    pub family: u16,
    pub protocol: u16,
    pub sk: u64,
    pub cookie: u64,
    pub tuple: Tuple,
}

/// Writes the tuple of a connection.
#[inline(always)]
pub fn submit_tuple(event: TupleEvent) {
    let TupleEvent { state, flags, family, protocol, sk, cookie, tuple } = event;
    let event = SocketEvent {
        old: state,
        new: state,
        family,
        protocol,
        sk,
        cookie,
        netns: 0,
        error: 0,
        soft_error: 0,
        flags,
        cgroup: 0,
        tcp_stats: TcpStats::UNKNOWN,
        tuple,
        ifindex: 0,
    };
    if !submit(|| transition(&event, kind::TUPLE)) {
        loss_counters::count_lost_observation();
    }
}

/// Writes a record that is no transition of a full socket. `record` is called once a place is reserved.
#[inline(always)]
pub fn submit_observation<T: Plain>(record: impl FnOnce() -> T) {
    if !submit(record) {
        loss_counters::count_lost_observation();
    }
}

/// As [`submit_observation`], but only into the first quarter of the ring. For records that any user can cause at a high
/// rate: they take no room from transitions.
#[inline(always)]
pub fn submit_if_ring_is_quiet<T: Plain>(record: impl FnOnce() -> T) {
    let unread = EVENTS.query(BPF_RB_AVAIL_DATA.into());
    if unread > EVENTS.query(BPF_RB_RING_SIZE.into()) / 4 || !submit(record) {
        loss_counters::count_lost_observation();
    }
}

/// The time stamp of a record whose place in the ring is reserved: CLOCK_MONOTONIC, nanoseconds.
#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: the helper has no conditions.
    unsafe { bpf_ktime_get_ns() }
}

/// Returns false if the ring is full.
#[inline(always)]
fn submit<T: Plain>(record: impl FnOnce() -> T) -> bool {
    let Some(mut entry) = EVENTS.reserve::<T>(0) else { return false };
    entry.write(record());
    entry.submit(0);
    true
}

#[inline(always)]
pub fn transition(event: &SocketEvent, kind: u8) -> TransitionRecord {
    let mut flags = event.flags;
    if event.family == AF_INET6 {
        flags |= flag::INET6;
    }
    if event.protocol == IPPROTO_MPTCP {
        flags |= flag::MPTCP;
    }
    TransitionRecord {
        kind,
        old: event.old,
        new: event.new,
        flags,
        netns: event.netns,
        mono_ns: now(),
        sk: event.sk,
        cookie: event.cookie,
        local_port: event.tuple.local_port,
        remote_port: event.tuple.remote_port,
        sk_err: event.error,
        sk_err_soft: event.soft_error,
        local_addr: event.tuple.local_addr,
        remote_addr: event.tuple.remote_addr,
        ifindex: event.ifindex,
        unused: 0,
    }
}
