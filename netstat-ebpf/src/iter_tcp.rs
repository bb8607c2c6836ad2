//! `iter/tcp`: every TCP socket of the network namespace that the iterator was opened in.
//!
//! The kernel shows the sockets in its hash tables: full sockets, request sockets and timewait sockets. The subflows of
//! MPTCP are among them; the MPTCP sockets themselves are in no table.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::{bpf_skc_to_tcp_sock, bpf_skc_to_tcp_timewait_sock};
use netstat_ebpf::wire::{SnapshotRecord, flag, kind, state};

use crate::{
    globals::{OFFSETS, value},
    interface,
    iterator::TcpStep,
    memory::BtfPtr,
    record::{self, SocketEvent},
    sock::{IPPROTO_TCP, Sock, TcpStats},
};

/// The state of a request socket (`TCP_NEW_SYN_RECV`, include/net/tcp_states.h).
const NEW_SYN_RECV: u8 = 12;

/// What is read differently from each kind of socket.
struct Details {
    state: u8,
    error: u16,
    flags: u8,
    listener: u64,
    cgroup: u64,
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/tcp")]
pub fn iter_tcp(context: *mut c_void) -> i32 {
    // SAFETY: the kernel calls this function as an `iter/tcp` program.
    let step = unsafe { TcpStep::new(context) };
    if let Some(common) = step.sock_common() {
        show(step, common);
    }
    0
}

#[inline(always)]
fn show(step: TcpStep, common: BtfPtr) {
    let state: u8 = common.load(value(&OFFSETS.skc_state));
    let details = match state {
        state::CLOSE => return,
        state::TIME_WAIT => timewait(common),
        NEW_SYN_RECV => Some(half_open(common)),
        _ => full(common, state),
    };
    let Some(Details { state, error, flags, listener, cgroup }) = details else { return };
    // SAFETY: only fields of `struct sock_common` are read.
    let sock = unsafe { Sock::new(common) };
    let family = sock.family();
    let ifindex = sock.bound_dev_if();
    let event = SocketEvent {
        old: 0,
        new: state,
        family,
        protocol: IPPROTO_TCP,
        sk: sock.address(),
        cookie: sock.cookie(),
        netns: sock.netns(),
        error,
        soft_error: 0,
        flags,
        cgroup,
        tcp_stats: TcpStats::UNKNOWN,
        tuple: sock.tuple(family),
        ifindex,
    };
    let transition = record::transition(&event, kind::SNAPSHOT);
    let interface = interface::name(sock.net().address(), ifindex);
    step.write(&SnapshotRecord { transition, listener, cgroup, interface });
}

#[inline(always)]
fn full(common: BtfPtr, state: u8) -> Option<Details> {
    // SAFETY: the helper takes a typed `sock_common`, and returns a typed pointer, or null for a socket that is not a
    // full TCP socket (bpf_skc_to_tcp_sock, net/core/filter.c, 5.9).
    let tcp = unsafe { BtfPtr::new(bpf_skc_to_tcp_sock(common.as_ptr()).cast()) };
    if tcp.is_null() {
        return None;
    }
    // SAFETY: a `struct tcp_sock` begins with its `struct sock`.
    let sock = unsafe { Sock::new(tcp) };
    Some(Details {
        state,
        error: sock.error(),
        flags: if sock.has_socket() { flag::HAS_SOCKET } else { 0 },
        listener: 0,
        cgroup: sock.cgroup(),
    })
}

#[inline(always)]
fn half_open(common: BtfPtr) -> Details {
    let listener = common.load(value(&OFFSETS.skc_listener));
    Details { state: state::SYN_RECV, error: 0, flags: flag::MINISOCK, listener, cgroup: 0 }
}

#[inline(always)]
fn timewait(common: BtfPtr) -> Option<Details> {
    // SAFETY: as in `full` (bpf_skc_to_tcp_timewait_sock, net/core/filter.c, 5.9).
    let timewait = unsafe { BtfPtr::new(bpf_skc_to_tcp_timewait_sock(common.as_ptr()).cast()) };
    if timewait.is_null() {
        return None;
    }
    let state = timewait.load(value(&OFFSETS.tw_substate));
    Some(Details { state, error: 0, flags: flag::MINISOCK, listener: 0, cgroup: 0 })
}
