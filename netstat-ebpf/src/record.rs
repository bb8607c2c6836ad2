//! Writes records to the ring buffer, and counts those that don't fit.

use aya_ebpf::{
    EbpfContext,
    helpers::{
        bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
        generated::{bpf_get_current_task, bpf_get_current_task_btf, bpf_ktime_get_ns},
    },
    macros::map,
    maps::RingBuf,
};
use aya_log_ebpf::warn;
use netstat_ebpf::wire::{
    CloseRecord, Offsets, Plain, ProcessRecord, RING_BYTES, TransitionRecord, flag, kind, state,
};

use crate::{
    globals::{OFFSETS, value},
    loss_counters,
    memory::{BtfPtr, probe_read},
    sock::{AF_INET6, IPPROTO_MPTCP, TcpStats, Tuple},
};

/// One ring for all CPUs: the order of reservation is the order of a socket's events.
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
    pub tcp_stats: Option<TcpStats>,
    pub tuple: Tuple,
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
        submit(|| ProcessRecord {
            transition: transition(event, kind::PROCESS),
            pid: process_id(),
            uid: bpf_get_current_uid_gid() as u32,
            comm: bpf_get_current_comm().unwrap_or_default(),
            cgroup: event.cgroup,
        })
    } else if let Some(TcpStats { bytes_acked, bytes_received, srtt_us, total_retrans }) = event.tcp_stats {
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

/// Writes the tuple of a connection whose state does not change.
#[inline(always)]
pub fn submit_tuple(event: &SocketEvent) {
    if !submit(|| transition(event, kind::TUPLE)) {
        loss_counters::count_lost_observation();
    }
}

/// Writes a record that is no transition of a full socket.
#[inline(always)]
pub fn submit_observation<T: Plain>(record: T) {
    if !submit(|| record) {
        loss_counters::count_lost_observation();
    }
}

/// Returns false if the ring is full.
#[inline(always)]
fn submit<T: Plain>(record: impl FnOnce() -> T) -> bool {
    let Some(mut entry) = EVENTS.reserve::<T>(0) else { return false };
    entry.write(record());
    entry.submit(0);
    true
}

/// Thread group id of the running process. 0 for a kernel thread: it holds no file (MPTCP's worker closes subflows).
#[inline(always)]
pub fn process_id() -> u32 {
    /// include/linux/sched.h
    const PF_KTHREAD: u32 = 0x0020_0000;
    if task_flags() & PF_KTHREAD != 0 {
        return 0;
    }
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// The running task's flags; 0 for the classic tracepoint's program, which knows no offsets.
#[inline(always)]
fn task_flags() -> u32 {
    let offset = value(&OFFSETS.task_flags);
    if offset == Offsets::ABSENT {
        return 0;
    }
    if value(&OFFSETS.has_cookie_helper) != 0 {
        // A kernel with the helper for cookies (5.12) has `bpf_get_current_task_btf` too (5.11).
        // SAFETY: the helper has no conditions, and returns a typed pointer.
        return unsafe { BtfPtr::new(bpf_get_current_task_btf().cast()) }.load(offset);
    }
    // SAFETY: the helper has no conditions.
    let task = unsafe { bpf_get_current_task() };
    probe_read(task + u64::from(offset)).unwrap_or(0)
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
        // SAFETY: the helper has no conditions.
        mono_ns: unsafe { bpf_ktime_get_ns() },
        sk: event.sk,
        cookie: event.cookie,
        local_port: event.tuple.local_port,
        remote_port: event.tuple.remote_port,
        sk_err: event.error,
        sk_err_soft: event.soft_error,
        local_addr: event.tuple.local_addr,
        remote_addr: event.tuple.remote_addr,
    }
}
