//! Minisockets: a half-open connection (`struct request_sock`), and a closed one in FIN_WAIT2 or TIME_WAIT (`struct
//! inet_timewait_sock`). The state hook does not show them; the functions that create and remove them do, and their
//! timers.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use netstat_ebpf::wire::{MinisockCreatedRecord, MinisockRemovedRecord, TransitionRecord, flag, kind, state};

use crate::{
    globals::{OFFSETS, value},
    head::SockHead,
    memory::probe_read,
    record,
    sock::AF_INET6,
};

/// A half-open connection is created, or its SYN-ACK was retransmitted.
#[inline(always)]
pub fn half_open_created(sk: u64) {
    if let Some(head) = SockHead::read(sk) {
        submit_created(sk, &head, state::SYN_RECV, 0, head.load(&OFFSETS.skc_listener));
    }
}

/// A timewait socket is created, or its timer is restarted; with [`flag::OBSERVED`] in `flags` it already exists and is
/// only reported.
#[inline(always)]
pub fn timewait_created(sk: u64, flags: u8) {
    if let Some(head) = SockHead::read(sk) {
        submit_created(sk, &head, head.load(&OFFSETS.tw_substate), flags, 0);
    }
}

/// A minisocket is removed, or its timer is stopped; `expired` if the timer has run out.
#[inline(always)]
pub fn removed(sk: u64, state: u8, expired: bool) {
    record::submit_observation(MinisockRemovedRecord {
        kind: kind::MINISOCK_REMOVED,
        state,
        expired: u8::from(expired),
        substate: if state == state::TIME_WAIT { timewait_substate(sk) } else { 0 },
        unused: 0,
        // SAFETY: the helper has no conditions.
        mono_ns: unsafe { bpf_ktime_get_ns() },
        sk,
    });
}

/// The state that a timewait socket stands for, FIN_WAIT2 or TIME_WAIT; 0 only for an address that is not a socket's.
#[inline(always)]
pub fn timewait_substate(sk: u64) -> u8 {
    probe_read(sk + u64::from(value(&OFFSETS.tw_substate))).unwrap_or(0)
}

#[inline(always)]
fn submit_created(sk: u64, head: &SockHead, state: u8, flags: u8, listener: u64) {
    let family = head.family();
    let tuple = head.tuple();
    let transition = TransitionRecord {
        kind: kind::MINISOCK_CREATED,
        old: 0,
        new: state,
        flags: if family == AF_INET6 { flags | flag::INET6 } else { flags },
        netns: netns(head.load(&OFFSETS.skc_net)),
        // SAFETY: the helper has no conditions.
        mono_ns: unsafe { bpf_ktime_get_ns() },
        sk,
        cookie: head.cookie(),
        local_port: tuple.local_port,
        remote_port: tuple.remote_port,
        sk_err: 0,
        local_addr: tuple.local_addr,
        remote_addr: tuple.remote_addr,
    };
    record::submit_observation(MinisockCreatedRecord { transition, listener });
}

/// Inode number of a network namespace; 0 only for an address that is not a `struct net`'s.
#[inline(always)]
fn netns(net: u64) -> u32 {
    probe_read(net + u64::from(value(&OFFSETS.net_inum))).unwrap_or(0)
}
