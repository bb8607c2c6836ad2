//! Puts records into the ring, and counts those that don't fit.

use aya_ebpf::{
    helpers::{
        bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid, bpf_probe_read_kernel,
        generated::{bpf_get_current_task, bpf_get_current_task_btf, bpf_ktime_get_ns},
    },
    macros::map,
    maps::RingBuf,
};
use aya_log_ebpf::warn;
use netstat_ebpf::wire::{CloseRecord, ProcessRecord, RING_BYTES, TransitionRecord, flag, kind, state};

use crate::{
    counters,
    globals::{OFFSETS, value},
    sock::{AF_INET6, Ends, IPPROTO_MPTCP, Numbers, Typed},
};

/// One ring for all CPUs: the order of reservation is the order of a socket's events.
///
/// Records are submitted with flags 0: the kernel then wakes the reader only if it had read all that
/// was there (`bpf_ringbuf_commit`, kernel/bpf/ringbuf.c), so a reader that naps costs no wakeups.
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// One change of state, before it is a record.
#[derive(Clone, Copy)]
pub struct Change {
    pub old: u8,
    pub new: u8,
    pub family: u16,
    pub protocol: u16,
    pub sk: u64,
    pub cookie: u64,
    pub netns: u32,
    pub error: u32,
    /// [`flag::CLASSIC`] and [`flag::HAS_SOCKET`]; the others follow from the fields above.
    pub flags: u8,
    pub cgroup: u64,
    pub numbers: Option<Numbers>,
    pub ends: Ends,
}

/// Whether the running process makes this change (`tcp_v4_connect`, `inet_csk_listen_start`,
/// `tcp_close_state`); all others come from softirqs and timers, where `current` is anybody.
#[inline(always)]
fn is_by_process(old: u8, new: u8) -> bool {
    new == state::FIN_WAIT1
        || new == state::LAST_ACK
        || (old == state::CLOSE && (new == state::SYN_SENT || new == state::LISTEN))
}

/// Puts a change into the ring, with the process where it is the process's.
#[inline(always)]
pub fn submit<C: aya_ebpf::EbpfContext>(context: &C, change: &Change) {
    let done = if is_by_process(change.old, change.new) {
        submit_process(change)
    } else if let Some(numbers) = change.numbers {
        submit_end(change, numbers)
    } else {
        submit_bare(change)
    };
    if done.is_none() {
        counters::count_ring_full();
        warn!(context, "ring full: a transition from {} to {} is lost", change.old, change.new);
    }
}

/// Puts an ENDS record into the ring: no change of state, so a full ring loses no transition.
#[inline(always)]
pub fn submit_ends(change: &Change) {
    if let Some(mut entry) = EVENTS.reserve::<TransitionRecord>(0) {
        entry.write(record(change, kind::TUPLE));
        entry.submit(0);
    }
}

#[inline(always)]
fn submit_bare(change: &Change) -> Option<()> {
    let mut entry = EVENTS.reserve::<TransitionRecord>(0)?;
    entry.write(record(change, kind::TRANSITION));
    entry.submit(0);
    Some(())
}

#[inline(always)]
fn submit_process(change: &Change) -> Option<()> {
    let mut entry = EVENTS.reserve::<ProcessRecord>(0)?;
    entry.write(ProcessRecord {
        transition: record(change, kind::PROCESS),
        pid: process_id(),
        uid: bpf_get_current_uid_gid() as u32,
        comm: bpf_get_current_comm().unwrap_or_default(),
        cgroup: change.cgroup,
    });
    entry.submit(0);
    Some(())
}

#[inline(always)]
fn submit_end(change: &Change, numbers: Numbers) -> Option<()> {
    let Numbers { bytes_acked, bytes_received, srtt_us, total_retrans } = numbers;
    let mut entry = EVENTS.reserve::<CloseRecord>(0)?;
    entry.write(CloseRecord {
        transition: record(change, kind::CLOSE),
        bytes_acked,
        bytes_received,
        srtt_us,
        total_retrans,
    });
    entry.submit(0);
    Some(())
}

/// Puts a record into the ring that is no transition of a full socket; what it tells is lost if the
/// ring is full, and counted as that.
#[inline(always)]
pub fn submit_plain<T: 'static>(record: T) {
    match EVENTS.reserve::<T>(0) {
        Some(mut entry) => {
            entry.write(record);
            entry.submit(0);
        }
        None => counters::count_ring_full(),
    }
}

/// Thread group id of the running process; 0 for a kernel thread, which holds no socket for anybody
/// to find (MPTCP's worker closes subflows).
#[inline(always)]
pub fn process_id() -> u32 {
    const PF_KTHREAD: u32 = 0x0020_0000;
    if task_flags() & PF_KTHREAD != 0 {
        return 0;
    }
    (bpf_get_current_pid_tgid() >> 32) as u32
}

/// The running task's flags, 0 where they are not known.
#[inline(always)]
fn task_flags() -> u32 {
    let offset = value(&raw const OFFSETS.task_flags);
    if offset == 0 {
        return 0;
    }
    if value(&raw const OFFSETS.has_cookie_helper) != 0 {
        // It came a version before the helper for cookies did (5.11), and a typed task needs no other to be read.
        // SAFETY: the helper has no conditions.
        return Typed(unsafe { bpf_get_current_task_btf() }.cast()).load(offset);
    }
    // SAFETY: `bpf_get_current_task` has no conditions; the other helper checks the address.
    let flags = unsafe { bpf_probe_read_kernel((bpf_get_current_task() + u64::from(offset)) as *const u32) };
    flags.unwrap_or(0)
}

#[inline(always)]
pub fn record(change: &Change, kind: u8) -> TransitionRecord {
    let mut flags = change.flags;
    if change.family == AF_INET6 {
        flags |= flag::INET6;
    }
    if change.protocol == IPPROTO_MPTCP {
        flags |= flag::MPTCP;
    }
    TransitionRecord {
        kind,
        old: change.old,
        new: change.new,
        flags,
        netns: change.netns,
        // SAFETY: the helper has no conditions.
        mono_ns: unsafe { bpf_ktime_get_ns() },
        sk: change.sk,
        cookie: change.cookie,
        local_port: change.ends.local_port,
        remote_port: change.ends.remote_port,
        sk_err: change.error,
        local_addr: change.ends.local_addr,
        remote_addr: change.ends.remote_addr,
    }
}
