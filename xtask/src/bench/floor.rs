//! The floor: programs on the tracepoints that the tracer uses which do nothing, or no more than put a record into a
//! ring for each transition.

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
/// Bytes of the tracer's record of a transition.
const RECORD_BYTES: u64 = 72;
/// Room for the records of a run: nobody takes them out.
const RING_BYTES: u32 = 64 << 20;
const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_int = 17;
const BPF_MAP_TYPE_RINGBUF: u32 = 27;
const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;

/// The head of `union bpf_attr` for BPF_MAP_CREATE.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

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

/// What a submitted record does to the reader (include/uapi/linux/bpf.h, BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP).
#[derive(Clone, Copy)]
pub enum Wakeup {
    /// Nothing.
    Never = 1,
    /// It is woken, by an interrupt that the CPU sends to itself.
    Each = 2,
}

/// Attached until dropped.
pub struct Floor {
    _descriptors: Vec<OwnedFd>,
}

impl Floor {
    /// Programs that do nothing.
    pub fn empty() -> Result<Self> {
        Self::attach(&RETURN_0)
    }

    /// The same, but the first of the state hook reserves a record, stamps it with the time, and submits it, with or
    /// without waking whoever reads the ring.
    pub fn with_record(wakeup: Wakeup) -> Result<Self> {
        let ring =
            MapCreate { map_type: BPF_MAP_TYPE_RINGBUF, key_size: 0, value_size: 0, max_entries: RING_BYTES };
        let ring = bpf(BPF_MAP_CREATE, &ring).context("making a ring buffer")?;
        Self::attach(&write_record(&ring, wakeup))
    }

    fn attach(of_state: &[u64]) -> Result<Self> {
        let mut descriptors = Vec::new();
        for (index, name) in TRACEPOINTS.into_iter().enumerate() {
            let instructions = if index == 0 { of_state } else { &RETURN_0 };
            let program = bpf(
                BPF_PROG_LOAD,
                &ProgLoad {
                    prog_type: BPF_PROG_TYPE_RAW_TRACEPOINT,
                    insn_cnt: u32::try_from(instructions.len())?,
                    insns: instructions.as_ptr() as u64,
                    license: c"GPL".as_ptr() as u64,
                },
            )
            .context("loading a program of the floor")?;
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

/// An instruction (include/uapi/linux/bpf.h, `struct bpf_insn`): code, registers, offset, constant.
const fn instruction(code: u64, to: u64, from: u64, offset: u64, constant: u64) -> u64 {
    code | to << 8 | from << 12 | offset << 16 | constant << 32
}

/// `r0 = 0; exit`
const RETURN_0: [u64; 2] = [instruction(0xb7, 0, 0, 0, 0), instruction(0x95, 0, 0, 0, 0)];

fn write_record(ring: &OwnedFd, wakeup: Wakeup) -> [u64; 14] {
    const MOVE: u64 = 0xbf;
    const SET: u64 = 0xb7;
    const CALL: u64 = 0x85;
    const RINGBUF_RESERVE: u64 = 131;
    const RINGBUF_SUBMIT: u64 = 132;
    const KTIME_GET_NS: u64 = 5;
    let ring = u64::from(ring.as_raw_fd().cast_unsigned());
    [
        // r0 = bpf_ringbuf_reserve(ring, RECORD_BYTES, 0): a map's descriptor takes two instructions.
        instruction(0x18, 1, 1, 0, ring),
        0,
        instruction(SET, 2, 0, 0, RECORD_BYTES),
        instruction(SET, 3, 0, 0, 0),
        instruction(CALL, 0, 0, 0, RINGBUF_RESERVE),
        // If it is null, to the end.
        instruction(0x15, 0, 0, 6, 0),
        instruction(MOVE, 6, 0, 0, 0),
        instruction(CALL, 0, 0, 0, KTIME_GET_NS),
        // *(u64 *)r6 = r0
        instruction(0x7b, 6, 0, 0, 0),
        instruction(MOVE, 1, 6, 0, 0),
        instruction(SET, 2, 0, 0, wakeup as u64),
        instruction(CALL, 0, 0, 0, RINGBUF_SUBMIT),
        RETURN_0[0],
        RETURN_0[1],
    ]
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the structs are heads of `union bpf_attr`, of the given size, and what they point to lives
    // through the call; the kernel takes the rest as zeroes.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    let fd = libc::c_int::try_from(fd).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the commands give a new descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
