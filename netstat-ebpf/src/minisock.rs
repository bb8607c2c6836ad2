//! Minisockets: a half-open connection (`struct request_sock`), and a closed one in FIN_WAIT2 or TIME_WAIT (`struct
//! inet_timewait_sock`). The state hook does not show them; the functions that create and remove them do, and their
//! timers.

use aya_ebpf::EbpfContext;
use netstat_ebpf::wire::{
    MinisockCreatedRecord, MinisockRemovedRecord, TransitionRecord, caller, flag, kind, state,
};

use crate::{
    callers,
    globals::{OFFSETS, value},
    head::SockHead,
    interface,
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
pub fn removed<C: EbpfContext>(context: &C, sk: u64, state: u8, expired: bool) {
    let substate = if state == state::TIME_WAIT { timewait_substate(sk) } else { 0 };
    // The search costs some hundred nanoseconds, so there is none on the usual ways: the handshake completes, the peer's FIN
    // arrives for a FIN_WAIT2, or a TIME_WAIT ends.
    let is_usual =
        expired || substate == state::TIME_WAIT || (state == state::SYN_RECV && callers::is_promotion());
    let caller = if is_usual { 0 } else { callers::find(context) };
    let may_lack_listener = state == state::SYN_RECV && (expired || caller == caller::RECEIVE);
    let listener_has_closed = u8::from(may_lack_listener && has_closed_listener(sk) == Some(true));
    record::submit_observation(|| MinisockRemovedRecord {
        kind: kind::MINISOCK_REMOVED,
        state,
        expired: u8::from(expired),
        substate,
        caller,
        listener_has_closed,
        unused: 0,
        mono_ns: record::now(),
        sk,
    });
}

/// Whether the listener of a request socket listens no more. The request socket has a reference to it.
#[inline(always)]
fn has_closed_listener(request: u64) -> Option<bool> {
    let listener: u64 = probe_read(request + u64::from(value(&OFFSETS.skc_listener)))?;
    let state: u8 = probe_read(listener + u64::from(value(&OFFSETS.skc_state)))?;
    Some(state != state::LISTEN)
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
    let net: u64 = head.load(&OFFSETS.skc_net);
    let netns = netns(net);
    let ifindex = head.load(&OFFSETS.skc_bound_dev_if);
    interface::submit_name(net, netns, ifindex);
    let cookie = head.cookie();
    let transition = || TransitionRecord {
        kind: kind::MINISOCK_CREATED,
        old: 0,
        new: state,
        flags: if family == AF_INET6 { flags | flag::INET6 } else { flags },
        netns,
        mono_ns: record::now(),
        sk,
        cookie,
        local_port: tuple.local_port,
        remote_port: tuple.remote_port,
        sk_err: 0,
        sk_err_soft: 0,
        local_addr: tuple.local_addr,
        remote_addr: tuple.remote_addr,
        ifindex,
        unused: 0,
    };
    record::submit_observation(|| MinisockCreatedRecord { transition: transition(), listener });
}

/// Inode number of a network namespace; 0 only for an address that is not a `struct net`'s.
#[inline(always)]
fn netns(net: u64) -> u32 {
    probe_read(net + u64::from(value(&OFFSETS.net_inum))).unwrap_or(0)
}
