//! A process whose `bpf()` is refused: as by a seccomp filter of a container manager, or by the verifier.

use std::{io, os::unix::process::CommandExt as _, process::Command};

/// `BPF_PROG_LOAD` (include/uapi/linux/bpf.h).
const BPF_PROG_LOAD: u32 = 5;

/// Every load of a program fails with this errno, in the process and its children; all else works.
pub fn loads_fail_with(command: &mut Command, errno: i32) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let unless = |k: u32, skip: u8| libc::sock_filter {
        code: (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16,
        jt: 0,
        jf: skip,
        k,
    };
    // `struct seccomp_data`: the call's number at 0, the lower half of its first argument at 16.
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let filter = [
        statement(load, 0),
        unless(libc::SYS_bpf as u32, 3),
        statement(load, 16),
        unless(BPF_PROG_LOAD, 1),
        statement(libc::BPF_RET, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()),
        statement(libc::BPF_RET, libc::SECCOMP_RET_ALLOW),
    ];
    let install = move || {
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
        // SAFETY: the kernel copies the program, whose filter lives in this closure; root needs no no_new_privs.
        let outcome =
            unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
        if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: it only makes one system call, which is allowed between fork and exec.
    unsafe { command.pre_exec(install) };
}
