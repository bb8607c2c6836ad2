//! `iter/task_file` again, for who wants no more than the holders: every file that is a socket, of any family.

use core::ffi::c_void;

use netstat_ebpf::wire::SocketFileRecord;

use crate::{
    globals::{OFFSETS, value},
    iter_task_file::{file_system, magic, place},
    iterator::Step,
    sock::Typed,
};

#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
pub fn iter_socket_file(context: *mut c_void) -> i32 {
    // SAFETY: the kernel calls us as an iterator.
    let step = unsafe { Step::from_context(context) };
    if let (Some(task), Some(file)) = (step.object(place::TASK), step.object(place::FILE)) {
        show(step, task, file);
    }
    0
}

#[inline(always)]
fn show(step: Step, task: Typed, file: Typed) {
    if file_system(file) != magic::SOCKFS {
        return;
    }
    let inode = Typed(file.load(value(&raw const OFFSETS.file_inode)));
    step.write(&SocketFileRecord {
        inode: inode.load(value(&raw const OFFSETS.inode_ino)),
        pid: task.load(value(&raw const OFFSETS.task_tgid)),
        fd: step.number(place::FD),
    });
}
