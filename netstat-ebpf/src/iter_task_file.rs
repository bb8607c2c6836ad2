//! `iter/task_file`: every process that holds a TCP socket, or a namespace by an open file, whichever
//! network namespace it is in.

use core::ffi::c_void;

use aya_ebpf::helpers::{bpf_probe_read_kernel, generated::bpf_sock_from_file};
use netstat_ebpf::wire::HolderRecord;

use crate::{
    globals::{OFFSETS, value},
    iterator::Step,
    sock::{AF_INET, AF_INET6, IPPROTO_MPTCP, IPPROTO_TCP, Sock, Typed},
};

/// `struct bpf_iter__task_file`, kernel/bpf/task_iter.c, since 5.8: where its fields are.
pub mod place {
    pub const TASK: usize = 1;
    pub const FD: usize = 2;
    pub const FILE: usize = 3;
}

/// File systems that have no names, include/uapi/linux/magic.h and net/socket.c.
pub mod magic {
    pub const SOCKFS: u64 = 0x534f_434b;
    pub const NSFS: u64 = 0x6e73_6673;
}

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
pub fn iter_task_file(context: *mut c_void) -> i32 {
    // SAFETY: the kernel calls us as an iterator.
    let step = unsafe { Step::from_context(context) };
    if let (Some(task), Some(file)) = (step.object(place::TASK), step.object(place::FILE)) {
        show(step, task, file);
    }
    0
}

#[inline(always)]
fn show(step: Step, task: Typed, file: Typed) {
    let held = match file_system(file) {
        magic::SOCKFS => tcp_socket(file),
        magic::NSFS => Some((0, 0)),
        _ => None,
    };
    let Some((sk, netns)) = held else { return };
    let leader = Typed(task.load(value(&raw const OFFSETS.task_group_leader)));
    let comm = value(&raw const OFFSETS.task_comm);
    let cred = Typed(task.load(value(&raw const OFFSETS.task_cred)));
    step.write(&HolderRecord {
        sk,
        netns,
        fd: step.number(place::FD),
        pid: task.load(value(&raw const OFFSETS.task_tgid)),
        uid: cred.load(value(&raw const OFFSETS.cred_uid)),
        comm: [leader.load(comm), leader.load(comm + 8)],
    });
}

/// Which kind of file it is. Sockets and namespaces are the only files of their file systems, so this
/// needs no address of `socket_file_ops`, which kptr_restrict hides.
#[inline(always)]
pub fn file_system(file: Typed) -> u64 {
    let inode = Typed(file.load(value(&raw const OFFSETS.file_inode)));
    let superblock = Typed(inode.load(value(&raw const OFFSETS.inode_sb)));
    superblock.load(value(&raw const OFFSETS.sb_magic))
}

/// The address and the network namespace of a TCP or MPTCP socket; None for any other.
#[inline(always)]
fn tcp_socket(file: Typed) -> Option<(u64, u32)> {
    // A kernel that has the cookie's helper (5.12) has the file's as well (5.11).
    if value(&raw const OFFSETS.has_cookie_helper) != 0 { by_type(file) } else { by_address(file) }
}

#[inline(always)]
fn by_type(file: Typed) -> Option<(u64, u32)> {
    // SAFETY: the helper takes a typed file and returns null for what is no open socket
    // (bpf_sock_from_file, net/core/filter.c, 5.11).
    let socket = unsafe { bpf_sock_from_file(file.0.cast_mut().cast()) };
    if socket.is_null() {
        return None;
    }
    let sk: *const u8 = Typed(socket.cast::<u8>()).load(value(&raw const OFFSETS.socket_sk));
    if sk.is_null() {
        return None;
    }
    // SAFETY: `sk` is a typed pointer to a `struct sock`, as the argument of a tp_btf program is.
    let sock = unsafe { Sock::from_argument(sk) };
    is_tcp(sock.family(), sock.protocol()).then(|| (sock.address(), sock.netns()))
}

/// The same where what is behind a file has no type: helpers read.
#[inline(always)]
fn by_address(file: Typed) -> Option<(u64, u32)> {
    // Null where the file is but a name of the socket (O_PATH).
    let socket: u64 = file.load(value(&raw const OFFSETS.file_private_data));
    let sk = read(socket, &raw const OFFSETS.socket_sk)?;
    if !is_tcp(read(sk, &raw const OFFSETS.skc_family)?, read(sk, &raw const OFFSETS.sk_protocol)?) {
        return None;
    }
    Some((sk, read(read(sk, &raw const OFFSETS.skc_net)?, &raw const OFFSETS.net_inum)?))
}

/// Netlink and packet sockets have numbers of their own in `sk_protocol`.
#[inline(always)]
fn is_tcp(family: u16, protocol: u16) -> bool {
    (family == AF_INET || family == AF_INET6) && (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP)
}

#[inline(always)]
fn read<T>(base: u64, offset: *const u32) -> Option<T> {
    // SAFETY: the helper checks the address and says so if it can't be read.
    unsafe { bpf_probe_read_kernel((base + u64::from(value(offset))) as *const T) }.ok()
}
