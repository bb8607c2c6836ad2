//! A process in which some system calls fail, by a seccomp filter: as under a container manager, or after a fault.

use std::{ffi::c_long, io, os::unix::process::CommandExt as _, process::Command};

/// Commands of bpf() (include/uapi/linux/bpf.h).
const BPF_PROG_LOAD: u32 = 5;
const BPF_ITER_CREATE: u32 = 33;

/// A system call.
#[derive(Clone, Copy)]
struct Call {
    number: c_long,
    /// Index and value of an argument, of which only the lower half is compared; None: with any arguments.
    argument: Option<(u32, u32)>,
}

/// Makes every program load fail with this errno, in the process and its children.
pub fn loads_fail_with(command: &mut Command, errno: i32) {
    fail(command, Call { number: libc::SYS_bpf, argument: Some((0, BPF_PROG_LOAD)) }, errno);
}

/// Makes every opening of a BPF iterator fail with this errno, in the process and its children.
pub fn iterators_fail_with(command: &mut Command, errno: i32) {
    fail(command, Call { number: libc::SYS_bpf, argument: Some((0, BPF_ITER_CREATE)) }, errno);
}

/// Makes every read() into a buffer of this size, bytes, fail with this errno, in the process and its children.
pub fn reads_fail_with(command: &mut Command, bytes: u32, errno: i32) {
    fail(command, Call { number: libc::SYS_read, argument: Some((2, bytes)) }, errno);
}

/// Makes a system call fail with this errno, in the process and its children.
pub fn calls_fail_with(command: &mut Command, number: c_long, errno: i32) {
    fail(command, Call { number, argument: None }, errno);
}

fn fail(command: &mut Command, call: Call, errno: i32) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let unless = |k: u32, skip: u8| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: 0,
        jf: skip,
        k,
    };
    // `struct seccomp_data` (include/uapi/linux/seccomp.h): the system call's number at 0, its arguments from 16 on, 8 bytes
    // each, the lower half first.
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let fails = statement(libc::BPF_RET, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs());
    let allows = statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW);
    let number = call.number as u32;
    let filter = match call.argument {
        Some((argument, value)) => vec![
            statement(load, 0),
            unless(number, 3),
            statement(load, 16 + 8 * argument),
            unless(value, 1),
            fails,
            allows,
        ],
        None => vec![statement(load, 0), unless(number, 1), fails, allows],
    };
    let install = move || {
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
        // SAFETY: the kernel copies the filter, which this closure owns. Root doesn't need no_new_privs.
        let outcome =
            unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
        if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: the closure makes only one system call and allocates nothing, as allowed between fork and exec.
    unsafe { command.pre_exec(install) };
}
