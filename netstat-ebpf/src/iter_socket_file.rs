//! A second program of type `iter/task_file`, for `rnetstat`: every open file that is a socket of any family.

use core::ffi::c_void;

use netstat_ebpf::wire::SocketFileRecord;

use crate::{
    file_system::{self, SOCKFS},
    globals::{OFFSETS, value},
    iterator::TaskFileStep,
    memory::BtfPtr,
};

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
pub fn iter_socket_file(context: *mut c_void) -> i32 {
    // SAFETY: the kernel calls this function as an `iter/task_file` program.
    let step = unsafe { TaskFileStep::new(context) };
    if let (Some(task), Some(file)) = (step.task(), step.file()) {
        show(step, task, file);
    }
    0
}

#[inline(always)]
fn show(step: TaskFileStep, task: BtfPtr, file: BtfPtr) {
    if file_system::magic(file) != SOCKFS {
        return;
    }
    let inode = file.load_ptr(value(&OFFSETS.file_inode));
    step.write(&SocketFileRecord {
        inode: inode.load(value(&OFFSETS.inode_ino)),
        pid: task.load(value(&OFFSETS.task_tgid)),
        fd: step.fd(),
    });
}
