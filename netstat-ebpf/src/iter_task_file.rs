//! `iter/task_file`: every open file of a process that is a TCP socket, in whichever network namespace, or a namespace.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_sock_from_file;
use netstat_ebpf::wire::{HolderRecord, Plain};

use crate::{
    file_system::{self, NSFS, SOCKFS},
    globals::{OFFSETS, value},
    iterator::TaskFileStep,
    memory::{BtfPtr, probe_read},
    sock::{AF_INET, AF_INET6, IPPROTO_MPTCP, IPPROTO_TCP, Sock},
};

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
pub fn iter_task_file(context: *mut c_void) -> i32 {
    // SAFETY: the kernel calls this function as an `iter/task_file` program.
    let step = unsafe { TaskFileStep::new(context) };
    if let (Some(task), Some(file)) = (step.task(), step.file()) {
        show(step, task, file);
    }
    0
}

#[inline(always)]
fn show(step: TaskFileStep, task: BtfPtr, file: BtfPtr) {
    let found = match file_system::magic(file) {
        SOCKFS => tcp_socket(file),
        NSFS => Some((0, 0)),
        _ => None,
    };
    let Some((sk, netns)) = found else { return };
    let leader = task.load_ptr(value(&OFFSETS.task_group_leader));
    let comm = value(&OFFSETS.task_comm);
    let cred = task.load_ptr(value(&OFFSETS.task_cred));
    step.write(&HolderRecord {
        sk,
        netns,
        fd: step.fd(),
        pid: task.load(value(&OFFSETS.task_tgid)),
        uid: cred.load(value(&OFFSETS.cred_uid)),
        comm: [leader.load(comm), leader.load(comm + 8)],
    });
}

/// The address and the network namespace of a TCP or MPTCP socket; None for any other.
#[inline(always)]
fn tcp_socket(file: BtfPtr) -> Option<(u64, u32)> {
    // A kernel with the helper for cookies (5.12) has the one for files too (5.11).
    if value(&OFFSETS.has_cookie_helper) != 0 {
        tcp_socket_by_type(file)
    } else {
        tcp_socket_by_address(file)
    }
}

#[inline(always)]
fn tcp_socket_by_type(file: BtfPtr) -> Option<(u64, u32)> {
    // SAFETY: the helper takes a typed file, and returns a typed pointer, or null for a file that is not an open socket
    // (bpf_sock_from_file, net/core/filter.c, 5.11).
    let socket = unsafe { BtfPtr::new(bpf_sock_from_file(file.as_ptr()).cast()) };
    if socket.is_null() {
        return None;
    }
    let sk = socket.load_ptr(value(&OFFSETS.socket_sk));
    if sk.is_null() {
        return None;
    }
    // SAFETY: `socket.sk` is a `struct sock *`.
    let sock = unsafe { Sock::new(sk) };
    is_tcp(sock.family(), sock.protocol()).then(|| (sock.address(), sock.netns()))
}

/// As [`tcp_socket_by_type`], for kernels where the verifier knows no type behind the file: helpers read.
#[inline(always)]
fn tcp_socket_by_address(file: BtfPtr) -> Option<(u64, u32)> {
    // Null for a file that only names the socket (O_PATH).
    let socket: u64 = file.load(value(&OFFSETS.file_private_data));
    let sk = field(socket, &OFFSETS.socket_sk)?;
    if !is_tcp(field(sk, &OFFSETS.skc_family)?, field(sk, &OFFSETS.sk_protocol)?) {
        return None;
    }
    Some((sk, field(field(sk, &OFFSETS.skc_net)?, &OFFSETS.net_inum)?))
}

/// Checks the family too: netlink and packet sockets have other numbers in `sk_protocol`.
#[inline(always)]
fn is_tcp(family: u16, protocol: u16) -> bool {
    (family == AF_INET || family == AF_INET6) && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)
}

#[inline(always)]
fn field<T: Plain>(base: u64, offset: &'static u32) -> Option<T> {
    probe_read(base + u64::from(value(offset)))
}
