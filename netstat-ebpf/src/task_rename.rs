//! `tp_btf/task_rename`: a process gets another name, by prctl(), by /proc/PID/comm or because it executes another program
//! (`__set_task_comm`, fs/exec.c, 5.10 to 6.18).

use aya_ebpf::{
    helpers::bpf_probe_read_kernel_str_bytes, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use netstat_ebpf::wire::{Process, ProcessRenamedRecord, kind};

use crate::{
    globals::{OFFSETS, value},
    memory::{BtfPtr, words},
    record,
};

#[btf_tracepoint(function = "task_rename")]
pub fn task_rename(context: BtfTracePointContext) -> i32 {
    // SAFETY: TP_PROTO(struct task_struct *task, const char *comm), include/trace/events/task.h, 5.10 to 6.18.
    let task = unsafe { BtfPtr::new(context.arg(0)) };
    // The name of a thread is not the process's. The thread that executes a program is the main thread by now (`de_thread`).
    if task.load_ptr(value(&OFFSETS.task_group_leader)).address() != task.address() {
        return 0;
    }
    let mut name = [0_u8; 16];
    // SAFETY: the helper checks the address.
    if unsafe { bpf_probe_read_kernel_str_bytes(context.arg(1), &mut name) }.is_err() {
        return 0;
    }
    let comm = words(name);
    let offset = value(&OFFSETS.task_comm);
    if comm == [task.load(offset), task.load(offset + 8)] {
        return 0;
    }
    let cred = task.load_ptr(value(&OFFSETS.task_cred));
    record::submit_if_ring_is_quiet(|| ProcessRenamedRecord {
        kind: kind::PROCESS_RENAMED,
        unused: [0; 7],
        mono_ns: record::now(),
        process: Process {
            pid: task.load(value(&OFFSETS.task_tgid)),
            uid: cred.load(value(&OFFSETS.cred_uid)),
            started_ns: task.load(value(&OFFSETS.task_start_time)),
            comm,
        },
    });
    0
}
