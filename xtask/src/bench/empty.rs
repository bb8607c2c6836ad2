//! The floor: programs of two instructions on the tracepoints that the tracer uses.

use std::{
    ffi::CStr,
    io,
    mem::size_of,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};

/// One attachment for each of the tracer's: the state hook is there twice.
const TRACEPOINTS: [&CStr; 5] =
    [c"inet_sock_set_state", c"inet_sock_set_state", c"timer_start", c"timer_cancel", c"kfree_skb"];
/// `r0 = 0; exit` (include/uapi/linux/bpf.h, `struct bpf_insn`).
const RETURN_0: [u64; 2] = [0xb7, 0x95];
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_int = 17;
const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;

/// The head of `union bpf_attr` for BPF_PROG_LOAD.
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
}

/// `union bpf_attr` for BPF_RAW_TRACEPOINT_OPEN.
#[repr(C)]
struct RawTracepoint {
    name: u64,
    prog_fd: u32,
    unused: u32,
}

/// Attached until dropped.
pub struct EmptyPrograms {
    _descriptors: Vec<OwnedFd>,
}

impl EmptyPrograms {
    /// Loads and attaches them.
    pub fn attach() -> Result<Self> {
        let mut descriptors = Vec::new();
        for name in TRACEPOINTS {
            let program = bpf(
                BPF_PROG_LOAD,
                &ProgLoad {
                    prog_type: BPF_PROG_TYPE_RAW_TRACEPOINT,
                    insn_cnt: 2,
                    insns: RETURN_0.as_ptr() as u64,
                    license: c"GPL".as_ptr() as u64,
                },
            )
            .context("loading an empty program")?;
            let attached = bpf(
                BPF_RAW_TRACEPOINT_OPEN,
                &RawTracepoint {
                    name: name.as_ptr() as u64,
                    prog_fd: program.as_raw_fd().cast_unsigned(),
                    unused: 0,
                },
            )
            .with_context(|| format!("attaching to {}", name.to_string_lossy()))?;
            descriptors.extend([program, attached]);
        }
        Ok(Self { _descriptors: descriptors })
    }
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: both structs are heads of `union bpf_attr`, of the given size, and what they point to lives
    // through the call; the kernel takes the rest as zeroes.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    let fd = libc::c_int::try_from(fd).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both commands give a new descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
