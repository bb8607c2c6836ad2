//! `iter/task_file`: every open file of a process that is a TCP socket, in whichever network namespace, or a namespace.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_sock_from_file;
use netstat_ebpf::wire::{HolderRecord, Plain, Process};

use crate::{
    file_system::{self, NSFS, SOCKFS},
    globals::{OFFSETS, value},
    iterator::TaskFileStep,
    memory::{BtfPtr, probe_read},
    mptcp,
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
        NSFS => Some(TcpSocket { sk: 0, netns: 0, protocol: 0 }),
        _ => None,
    };
    let Some(TcpSocket { sk, netns, protocol }) = found else { return };
    let leader = task.load_ptr(value(&OFFSETS.task_group_leader));
    let comm = value(&OFFSETS.task_comm);
    let cred = task.load_ptr(value(&OFFSETS.task_cred));
    let process = Process {
        pid: task.load(value(&OFFSETS.task_tgid)),
        uid: cred.load(value(&OFFSETS.cred_uid)),
        started_ns: leader.load(value(&OFFSETS.task_start_time)),
        comm: [leader.load(comm), leader.load(comm + 8)],
    };
    let fd = step.fd();
    step.write(&HolderRecord { sk, netns, fd, process });
    if protocol == IPPROTO_MPTCP {
        mptcp::each_subflow(sk, |sk| step.write(&HolderRecord { sk, netns, fd, process }));
    }
}

/// A TCP or MPTCP socket.
struct TcpSocket {
    sk: u64,
    netns: u32,
    protocol: u16,
}

/// None for a file that is none.
#[inline(always)]
fn tcp_socket(file: BtfPtr) -> Option<TcpSocket> {
    // A kernel with the helper for cookies (5.12) has the one for files too (5.11).
    if value(&OFFSETS.has_cookie_helper) != 0 {
        tcp_socket_by_type(file)
    } else {
        tcp_socket_by_address(file)
    }
}

#[inline(always)]
fn tcp_socket_by_type(file: BtfPtr) -> Option<TcpSocket> {
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
    let protocol = sock.protocol();
    is_tcp(sock.family(), protocol).then(|| TcpSocket { sk: sock.address(), netns: sock.netns(), protocol })
}

/// As [`tcp_socket_by_type`], for kernels where the verifier knows no type behind the file: helpers read.
#[inline(always)]
fn tcp_socket_by_address(file: BtfPtr) -> Option<TcpSocket> {
    // Null for a file that only names the socket (O_PATH).
    let socket: u64 = file.load(value(&OFFSETS.file_private_data));
    let sk = field(socket, &OFFSETS.socket_sk)?;
    let protocol = field(sk, &OFFSETS.sk_protocol)?;
    if !is_tcp(field(sk, &OFFSETS.skc_family)?, protocol) {
        return None;
    }
    Some(TcpSocket { sk, netns: field(field(sk, &OFFSETS.skc_net)?, &OFFSETS.net_inum)?, protocol })
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
