//! `iter/tcp`: every TCP socket of the network namespace that the iterator was opened in.
//!
//! The kernel shows what its tables hold: full sockets, request sockets and timewait sockets; MPTCP's
//! subflows among them, but not the MPTCP sockets above, which no table holds.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_skc_to_tcp_sock, bpf_skc_to_tcp_timewait_sock};
use netstat_ebpf::wire::{SnapshotRecord, flag, kind, state};

use crate::{
    globals::{OFFSETS, value},
    iterator::Step,
    record::{self, Change},
    sock::{IPPROTO_TCP, Sock, Typed},
};

/// How a request socket says SYN_RECV (`TCP_NEW_SYN_RECV`, include/net/tcp_states.h).
const NEW_SYN_RECV: u8 = 12;

/// `struct bpf_iter__tcp`, net/ipv4/tcp_ipv4.c, since 5.9: where its `sk_common` is.
const SK_COMMON: usize = 1;

/// What only one kind of socket has.
struct Kind {
    state: u8,
    error: u32,
    flags: u8,
    listener: u64,
    cgroup: u64,
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/tcp")]
pub fn iter_tcp(context: *mut c_void) -> i32 {
    // SAFETY: the kernel calls us as an iterator.
    let step = unsafe { Step::from_context(context) };
    if let Some(common) = step.object(SK_COMMON) {
        show(step, common);
    }
    0
}

#[inline(always)]
fn show(step: Step, common: Typed) {
    let now: u8 = common.load(value(&raw const OFFSETS.skc_state));
    let kind = match now {
        state::CLOSE => return,
        state::TIME_WAIT => time_wait(common),
        NEW_SYN_RECV => Some(half_open(common)),
        _ => full(common, now),
    };
    let Some(Kind { state, error, flags, listener, cgroup }) = kind else { return };
    // SAFETY: what `sock_common` has is all that is asked of it here.
    let sock = unsafe { Sock::from_argument(common.0) };
    let family = sock.family();
    let change = Change {
        old: 0,
        new: state,
        family,
        protocol: IPPROTO_TCP,
        sk: sock.address(),
        cookie: sock.cookie(),
        netns: sock.netns(),
        error,
        flags,
        cgroup,
        numbers: None,
        ends: sock.ends(family),
    };
    step.write(&SnapshotRecord { transition: record::record(&change, kind::SNAPSHOT), listener, cgroup });
}

#[inline(always)]
fn full(common: Typed, state: u8) -> Option<Kind> {
    // SAFETY: the helper takes a typed `sock_common` and returns null for what is not a full socket of
    // TCP (bpf_skc_to_tcp_sock, net/core/filter.c, 5.9).
    let tcp = unsafe { bpf_skc_to_tcp_sock(common.0.cast_mut().cast()) };
    if tcp.is_null() {
        return None;
    }
    // SAFETY: a `struct tcp_sock` begins with its `struct sock`.
    let sock = unsafe { Sock::from_argument(tcp.cast::<u8>()) };
    Some(Kind {
        state,
        error: sock.error(),
        flags: if sock.has_socket() { flag::HAS_SOCKET } else { 0 },
        listener: 0,
        cgroup: sock.cgroup(),
    })
}

#[inline(always)]
fn half_open(common: Typed) -> Kind {
    let listener = common.load(value(&raw const OFFSETS.skc_listener));
    Kind { state: state::SYN_RECV, error: 0, flags: flag::MINISOCK, listener, cgroup: 0 }
}

#[inline(always)]
fn time_wait(common: Typed) -> Option<Kind> {
    // SAFETY: as in `full` (bpf_skc_to_tcp_timewait_sock, 5.9).
    let timewait = unsafe { bpf_skc_to_tcp_timewait_sock(common.0.cast_mut().cast()) };
    if timewait.is_null() {
        return None;
    }
    let state = Typed(timewait.cast::<u8>()).load(value(&raw const OFFSETS.tw_substate));
    Some(Kind { state, error: 0, flags: flag::MINISOCK, listener: 0, cgroup: 0 })
}
