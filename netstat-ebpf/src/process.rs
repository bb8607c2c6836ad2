//! The process that runs: its id, and its name, which is that of its main thread.

use aya_ebpf::helpers::{
    bpf_get_current_comm, bpf_get_current_pid_tgid, bpf_get_current_uid_gid,
    generated::{bpf_get_current_task, bpf_get_current_task_btf},
};
use netstat_ebpf::wire::{Offsets, Plain, Process, SNAPSHOT_THREAD, SNAPSHOT_THREAD_MASK};

use crate::{
    globals::{OFFSETS, value},
    memory::{BtfPtr, probe_read, words},
};

/// include/linux/sched.h
const PF_KTHREAD: u32 = 0x0020_0000;
/// `CAP_SYS_ADMIN` and `CAP_BPF` (include/uapi/linux/capability.h): one of them is needed to open an iterator.
const CAPABILITIES: u64 = 1 << 21 | 1 << 39;

/// The running process, also where one of its io_uring workers runs (`iou-wrk-…`, a thread of the process since 5.12).
/// All zeros for a kernel thread: it holds no file (MPTCP's worker closes subflows). With `but_no_reader` also for a thread
/// that reads an iterator over files. The iterator holds a reference to the file that it shows (`task_file_seq_get_next`,
/// kernel/bpf/task_iter.c, 5.8). If the file's process closes it meanwhile, that reference is the last one, and the kernel
/// closes the socket in the reading thread.
///
/// One function for both, because a program and what it calls have 512 bytes of stack (`check_max_stack_depth`,
/// kernel/bpf/verifier.c, up to 6.12).
#[inline(always)]
pub fn current(but_no_reader: bool) -> Process {
    if value(&OFFSETS.task_comm) == Offsets::ABSENT {
        without_offsets()
    } else if value(&OFFSETS.has_cookie_helper) != 0 {
        process_of(typed_task(), but_no_reader)
    } else {
        process_of(task_address(), but_no_reader)
    }
}

#[inline(always)]
fn process_of(task: impl Fields, but_no_reader: bool) -> Process {
    if but_no_reader && reads_snapshot(task) {
        return Process::default();
    }
    if task.field::<u32>(&OFFSETS.task_flags) & PF_KTHREAD != 0 {
        return Process::default();
    }
    let leader = task.follow(&OFFSETS.task_group_leader);
    Process {
        pid: pid(),
        uid: uid(),
        started_ns: leader.field(&OFFSETS.task_start_time),
        comm: leader.words(&OFFSETS.task_comm),
    }
}

/// Whether the thread has the name of the threads that read iterators, and a capability that those need. So an
/// unprivileged process can't hide by that name.
#[inline(always)]
fn reads_snapshot(task: impl Fields) -> bool {
    let [first, second] = task.words(&OFFSETS.task_comm);
    let has_name = [first, second & SNAPSHOT_THREAD_MASK] == SNAPSHOT_THREAD;
    if !has_name || value(&OFFSETS.cred_cap_effective) == Offsets::ABSENT {
        return false;
    }
    let cred = task.follow(&OFFSETS.task_cred);
    // Any user has all capabilities in a user namespace of its own.
    let is_initial = cred.follow(&OFFSETS.cred_user_ns).field::<u32>(&OFFSETS.user_ns_level) == 0;
    is_initial && cred.field::<u64>(&OFFSETS.cred_cap_effective) & CAPABILITIES != 0
}

/// For the program of the classic tracepoint, which knows no offsets: only a main thread has its process's name.
#[inline(always)]
fn without_offsets() -> Process {
    let ids = bpf_get_current_pid_tgid();
    let is_main_thread = ids as u32 == (ids >> 32) as u32;
    let name = if is_main_thread { bpf_get_current_comm().unwrap_or_default() } else { [0; 16] };
    Process { pid: pid(), uid: uid(), started_ns: 0, comm: words(name) }
}

#[inline(always)]
fn pid() -> u32 {
    (bpf_get_current_pid_tgid() >> 32) as u32
}

#[inline(always)]
fn uid() -> u32 {
    bpf_get_current_uid_gid() as u32
}

/// The running task. A kernel with the helper for cookies (5.12) has this one too (5.11).
#[inline(always)]
fn typed_task() -> BtfPtr {
    // SAFETY: the helper has no conditions, and returns a typed pointer.
    unsafe { BtfPtr::new(bpf_get_current_task_btf().cast()) }
}

/// The same where tracing programs can't get a typed pointer: helpers read.
#[inline(always)]
fn task_address() -> Address {
    // SAFETY: the helper has no conditions.
    Address(unsafe { bpf_get_current_task() })
}

/// The address of a kernel object.
#[derive(Clone, Copy)]
struct Address(u64);

/// Reads the fields of a kernel object.
trait Fields: Copy {
    /// 0 only for an address that is not the object's.
    fn field<T: Plain + Default>(self, offset: &'static u32) -> T;

    /// The object that a field points to.
    fn follow(self, offset: &'static u32) -> Self;

    /// 16 bytes: the verifier takes no load of more than 8.
    #[inline(always)]
    fn words(self, offset: &'static u32) -> [u64; 2] {
        self.field(offset)
    }
}

impl Fields for BtfPtr {
    #[inline(always)]
    fn field<T: Plain + Default>(self, offset: &'static u32) -> T {
        self.load(value(offset))
    }

    #[inline(always)]
    fn follow(self, offset: &'static u32) -> Self {
        self.load_ptr(value(offset))
    }

    #[inline(always)]
    fn words(self, offset: &'static u32) -> [u64; 2] {
        [self.load(value(offset)), self.load(value(offset) + 8)]
    }
}

impl Fields for Address {
    #[inline(always)]
    fn field<T: Plain + Default>(self, offset: &'static u32) -> T {
        probe_read(self.0 + u64::from(value(offset))).unwrap_or_default()
    }

    #[inline(always)]
    fn follow(self, offset: &'static u32) -> Self {
        Self(self.field(offset))
    }
}
