//! The baseline: programs on the tracer's tracepoints that do nothing, or only submit a ring buffer record for each
//! transition. It is the least that any tracer on these tracepoints costs.

use std::{
    ffi::CStr,
    io,
    mem::size_of,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};

/// The tracepoints of the tracer's programs. Two of its programs are on inet_sock_set_state.
const TRACEPOINTS: [&CStr; 5] =
    [c"inet_sock_set_state", c"inet_sock_set_state", c"timer_start", c"timer_cancel", c"kfree_skb"];
/// The size of the tracer's record of a transition.
const RECORD_BYTES: u64 = 72;
/// The size of the ring buffer: it holds the records of a whole run, because nobody reads them.
const RING_BYTES: u32 = 64 << 20;
const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_int = 17;
const BPF_MAP_TYPE_RINGBUF: u32 = 27;
const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;

/// The first members of `union bpf_attr` for BPF_MAP_CREATE.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

/// The first members of `union bpf_attr` for BPF_PROG_LOAD.
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

/// Whether a submitted record wakes the reader: BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP of include/uapi/linux/bpf.h.
#[derive(Clone, Copy)]
pub enum Wakeup {
    Never = 1,
    /// The CPU sends an interrupt to itself, whose handler wakes the reader.
    Always = 2,
}

/// Attached programs. Dropping the value detaches them.
pub struct Baseline {
    _descriptors: Vec<OwnedFd>,
}

impl Baseline {
    /// Programs that do nothing.
    pub fn empty() -> Result<Self> {
        Self::attach(&RETURN_0)
    }

    /// Programs that do nothing, except the first on inet_sock_set_state: it reserves a record, writes the time into it
    /// and submits it.
    pub fn with_record(wakeup: Wakeup) -> Result<Self> {
        let ring =
            MapCreate { map_type: BPF_MAP_TYPE_RINGBUF, key_size: 0, value_size: 0, max_entries: RING_BYTES };
        let ring = bpf(BPF_MAP_CREATE, &ring).context("cannot create a ring buffer")?;
        Self::attach(&write_record(&ring, wakeup))
    }

    fn attach(first_program: &[u64]) -> Result<Self> {
        let mut descriptors = Vec::new();
        for (index, name) in TRACEPOINTS.into_iter().enumerate() {
            let instructions = if index == 0 { first_program } else { &RETURN_0 };
            let program = bpf(
                BPF_PROG_LOAD,
                &ProgLoad {
                    prog_type: BPF_PROG_TYPE_RAW_TRACEPOINT,
                    insn_cnt: u32::try_from(instructions.len())?,
                    insns: instructions.as_ptr() as u64,
                    license: c"GPL".as_ptr() as u64,
                },
            )
            .context("cannot load a program of the baseline")?;
            let attached = bpf(
                BPF_RAW_TRACEPOINT_OPEN,
                &RawTracepoint {
                    name: name.as_ptr() as u64,
                    prog_fd: program.as_raw_fd().cast_unsigned(),
                    unused: 0,
                },
            )
            .with_context(|| format!("cannot attach to {}", name.to_string_lossy()))?;
            descriptors.extend([program, attached]);
        }
        Ok(Self { _descriptors: descriptors })
    }
}

/// An instruction (`struct bpf_insn` of include/uapi/linux/bpf.h): opcode, destination and source register, offset,
/// immediate value.
const fn instruction(opcode: u64, dst: u64, src: u64, offset: u64, immediate: u64) -> u64 {
    opcode | dst << 8 | src << 12 | offset << 16 | immediate << 32
}

/// `r0 = 0; exit`
const RETURN_0: [u64; 2] = [instruction(0xb7, 0, 0, 0, 0), instruction(0x95, 0, 0, 0, 0)];

/// The instructions of the program that submits a record with the time, and returns 0.
fn write_record(ring: &OwnedFd, wakeup: Wakeup) -> [u64; 14] {
    const MOVE: u64 = 0xbf;
    const SET: u64 = 0xb7;
    const CALL: u64 = 0x85;
    const RINGBUF_RESERVE: u64 = 131;
    const RINGBUF_SUBMIT: u64 = 132;
    const KTIME_GET_NS: u64 = 5;
    let ring = u64::from(ring.as_raw_fd().cast_unsigned());
    [
        // r0 = bpf_ringbuf_reserve(ring, RECORD_BYTES, 0). Loading a map's address takes two instructions.
        instruction(0x18, 1, 1, 0, ring),
        0,
        instruction(SET, 2, 0, 0, RECORD_BYTES),
        instruction(SET, 3, 0, 0, 0),
        instruction(CALL, 0, 0, 0, RINGBUF_RESERVE),
        // if r0 == 0 goto the last two instructions
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

/// bpf(2) for commands that return a new descriptor.
fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: `attributes` holds the first members of `union bpf_attr`, in the size that is passed; the kernel takes the
    // other members as 0. What the pointers in it refer to lives until the call returns.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    let fd = libc::c_int::try_from(fd).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, so nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
