//! Minisockets: a half-open connection (`struct request_sock`) and what is left of one in FIN_WAIT2 or
//! TIME_WAIT (`struct inet_timewait_sock`). Neither has transitions of its own; the functions that make
//! and end them tell, or their timers.

use aya_ebpf::helpers::{bpf_probe_read_kernel, generated::bpf_ktime_get_ns};
use netstat_ebpf::wire::{MinisockCreatedRecord, MinisockRemovedRecord, TransitionRecord, flag, kind, state};

use crate::{
    globals::{OFFSETS, value},
    head::Head,
    record,
    sock::AF_INET6,
};

/// A half-open connection begins, or its SYN-ACK was sent again.
#[inline(always)]
pub fn half_open(sk: u64) {
    if let Some(head) = Head::read(sk) {
        start(sk, &head, state::SYN_RECV, 0, head.load(&raw const OFFSETS.skc_listener));
    }
}

/// A timewait socket begins, or begins anew; with [`flag::OBSERVED`] in `flags`, it is only seen.
#[inline(always)]
pub fn time_wait(sk: u64, flags: u8) {
    if let Some(head) = Head::read(sk) {
        start(sk, &head, head.load(&raw const OFFSETS.tw_substate), flags, 0);
    }
}

#[inline(always)]
fn start(sk: u64, head: &Head, now: u8, flags: u8, listener: u64) {
    let family = head.family();
    let ends = head.ends();
    let transition = TransitionRecord {
        kind: kind::MINISOCK_CREATED,
        old: 0,
        new: now,
        flags: if family == AF_INET6 { flags | flag::INET6 } else { flags },
        netns: netns(head.load(&raw const OFFSETS.skc_net)),
        // SAFETY: the helper has no conditions.
        mono_ns: unsafe { bpf_ktime_get_ns() },
        sk,
        cookie: head.cookie(),
        local_port: ends.local_port,
        remote_port: ends.remote_port,
        sk_err: 0,
        local_addr: ends.local_addr,
        remote_addr: ends.remote_addr,
    };
    record::submit_plain(MinisockCreatedRecord { transition, listener });
}

/// A minisocket ends, or its timer stops; `expired` if its time had come.
#[inline(always)]
pub fn stop(sk: u64, of: u8, expired: bool) {
    let substate = if of == state::TIME_WAIT { substate(sk) } else { 0 };
    let stopped = MinisockRemovedRecord {
        kind: kind::MINISOCK_REMOVED,
        state: of,
        expired: u8::from(expired),
        substate,
        unused: 0,
        // SAFETY: the helper has no conditions.
        mono_ns: unsafe { bpf_ktime_get_ns() },
        sk,
    };
    record::submit_plain(stopped);
}

/// FIN_WAIT2 or TIME_WAIT.
#[inline(always)]
pub fn substate(sk: u64) -> u8 {
    read(sk + u64::from(value(&raw const OFFSETS.tw_substate)))
}

/// Inode number of a network namespace.
#[inline(always)]
fn netns(net: u64) -> u32 {
    read(net + u64::from(value(&raw const OFFSETS.net_inum)))
}

#[inline(always)]
fn read<T: Default>(address: u64) -> T {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(address as *const T) }.unwrap_or_default()
}
