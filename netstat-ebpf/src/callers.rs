//! Which function of the kernel removes a minisocket before its time: the innermost known one on the stack.

use aya_ebpf::{EbpfContext, helpers::generated::bpf_get_stack};
use netstat_ebpf::wire::MAX_CALLERS;

use crate::{
    dedup,
    globals::{OFFSETS, value},
};

/// How many frames are searched. Those of the tracepoint or trampoline come first, at most eight.
const FRAMES: usize = 16;

/// One of [`netstat_ebpf::wire::caller`], or 0 if none of the functions is on the stack.
///
/// The stack of another removal may be below: a segment that this removal provokes is received on loopback by a softirq on
/// the same stack. So the innermost function counts.
#[inline(always)]
pub fn find<C: EbpfContext>(context: &C) -> u8 {
    if value(&OFFSETS.callers[0].start) == 0 {
        return 0;
    }
    let mut frames = [0_u64; FRAMES];
    // SAFETY: the helper writes at most the size of the array.
    let bytes = unsafe {
        bpf_get_stack(context.as_ptr(), frames.as_mut_ptr().cast(), size_of_val(&frames) as u32, 0)
    };
    if bytes <= 0 {
        return 0;
    }
    for frame in frames {
        for index in 0..MAX_CALLERS {
            let start = value(&OFFSETS.callers[index].start);
            let size = value(&OFFSETS.callers[index].end).wrapping_sub(start);
            // One comparison: with two, the verifier follows each frame on two paths for each function.
            if frame.wrapping_sub(start) < size {
                return value(&OFFSETS.callers[index].caller);
            }
        }
    }
    0
}

/// Whether the request socket that is being removed has just become a full socket: the last transition on this CPU is that
/// of the new child. `tcp_check_req` (net/ipv4/tcp_minisocks.c, 5.10 to 6.18) creates the child and removes the request
/// in the same softirq; the child's next transition comes after that.
#[inline(always)]
pub fn is_promotion() -> bool {
    dedup::log().is_some_and(netstat_ebpf::wire::DedupLog::last_is_new_child)
}
