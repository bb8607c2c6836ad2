//! Minisockets: a half-open connection (`struct request_sock`) and what is left of one in FIN_WAIT2 or
//! TIME_WAIT (`struct inet_timewait_sock`). Neither has transitions of its own; the functions that make
//! and end them tell, or their timers.

use aya_ebpf::helpers::{bpf_probe_read_kernel, generated::bpf_ktime_get_ns};
use netstat_ebpf::wire::{MinisockRecord, MinisockStopRecord, TransitionRecord, flag, kind, state};

use crate::{
    cpu::Cpu,
    globals::{OFFSETS, value},
    record,
    sock::{AF_INET6, mapped},
};

/// The head of a minisocket: `struct sock_common` and, of a timewait socket, its substate (byte 140 on
/// all kernels from 5.10 to 6.18). One read is far cheaper than one a field.
const HEAD_BYTES: usize = 160;

#[repr(C, align(8))]
struct Head([u8; HEAD_BYTES]);

impl Head {
    #[inline(always)]
    fn read(sk: u64) -> Option<Self> {
        // SAFETY: the helper checks the address.
        unsafe { bpf_probe_read_kernel(sk as *const Self) }.ok()
    }

    /// A field, by its offset in the kernel's struct; 0 for an offset beyond the head.
    #[inline(always)]
    fn load<T: Copy + Default>(&self, offset: *const u32) -> T {
        let offset = value(offset) as usize;
        if offset > HEAD_BYTES - size_of::<T>() {
            return T::default();
        }
        // SAFETY: within the array, as just checked; unaligned reads are allowed for.
        unsafe { self.0.as_ptr().add(offset).cast::<T>().read_unaligned() }
    }
}

/// A half-open connection begins, or its SYN-ACK was sent again.
#[inline(always)]
pub fn half_open(sk: u64, cpu: Cpu) {
    if let Some(head) = Head::read(sk) {
        start(sk, &head, state::SYN_RECV, head.load(&raw const OFFSETS.skc_listener), cpu);
    }
}

/// A timewait socket begins, or begins anew.
#[inline(always)]
pub fn time_wait(sk: u64, cpu: Cpu) {
    if let Some(head) = Head::read(sk) {
        start(sk, &head, head.load(&raw const OFFSETS.tw_substate), 0, cpu);
    }
}

#[inline(always)]
fn start(sk: u64, head: &Head, now: u8, listener: u64, cpu: Cpu) {
    let family: u16 = head.load(&raw const OFFSETS.skc_family);
    let ports: u32 = head.load(&raw const OFFSETS.skc_portpair);
    let (local_addr, remote_addr) = if family == AF_INET6 {
        (head.load(&raw const OFFSETS.skc_v6_rcv_saddr), head.load(&raw const OFFSETS.skc_v6_daddr))
    } else {
        let pair: u64 = head.load(&raw const OFFSETS.skc_addrpair);
        (mapped((pair >> 32) as u32), mapped(pair as u32))
    };
    let transition = TransitionRecord {
        kind: kind::MINISOCK_START,
        old: 0,
        new: now,
        flags: if family == AF_INET6 { flag::INET6 } else { 0 },
        netns: netns(head.load(&raw const OFFSETS.skc_net)),
        // SAFETY: the helper has no conditions.
        mono_ns: unsafe { bpf_ktime_get_ns() },
        sk,
        cookie: head.load(&raw const OFFSETS.skc_cookie),
        local_port: (ports >> 16) as u16,
        remote_port: u16::from_be(ports as u16),
        sk_err: 0,
        local_addr,
        remote_addr,
    };
    record::submit_plain(MinisockRecord { transition, listener }, cpu);
}

/// A minisocket ends, or its timer stops; `expired` if its time had come.
#[inline(always)]
pub fn stop(sk: u64, of: u8, expired: bool, cpu: Cpu) {
    let substate = if of == state::TIME_WAIT { substate(sk) } else { 0 };
    let stopped = MinisockStopRecord {
        kind: kind::MINISOCK_STOP,
        state: of,
        expired: u8::from(expired),
        substate,
        unused: 0,
        // SAFETY: the helper has no conditions.
        mono_ns: unsafe { bpf_ktime_get_ns() },
        sk,
    };
    record::submit_plain(stopped, cpu);
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
