//! The kernel's types as far as aya asks for them: the ids of what programs are attached to.
//!
//! aya reads a whole kernel's types in some 20 ms, and looks through them all for each name. In what it gets here
//! every type that has no part in that is a forward declaration, so the ids stay what they are.

use anyhow::{Context as _, Result};
use netstat_ebpf::wire::program;

use super::btf::Btf;

/// The functions: those of fentry and fexit programs, and of iterators.
const FUNCTIONS: [&str; 12] = [
    program::TIMEWAIT_CREATED,
    program::TIMEWAIT_CREATED_TO_6_11,
    program::TIMEWAIT_RESCHEDULED,
    program::TIMEWAIT_REMOVED,
    program::HALF_OPEN_CREATED,
    program::HALF_OPEN_REMOVED,
    program::HALF_OPEN_UNLINKED,
    program::CONNECT,
    program::FAST_OPEN,
    program::ACCEPT,
    "bpf_iter_tcp",
    "bpf_iter_task_file",
];
/// The types of tracepoints.
const TRACEPOINTS: [&str; 4] = [
    "btf_trace_inet_sock_set_state",
    "btf_trace_timer_start",
    "btf_trace_timer_cancel",
    "btf_trace_kfree_skb",
];

// include/uapi/linux/btf.h
const MAGIC_AND_VERSION: u32 = 0x0001_eb9f;
const HEADER_BYTES: u32 = 24;
const FORWARD: u32 = 7 << 24;
const TYPEDEF: u32 = 8 << 24;
const FUNCTION: u32 = 12 << 24;

/// The name, if it is a function's or a tracepoint's type's that programs are attached to.
pub fn known(is_function: bool, name: &[u8]) -> Option<&'static str> {
    let known = if is_function { &FUNCTIONS[..] } else { &TRACEPOINTS[..] };
    known.iter().find(|known| known.as_bytes() == name).copied()
}

/// What aya needs of the kernel's types to attach.
///
/// # Errors
/// What was put together is no BTF.
pub fn attach_types(kernel: &Btf) -> Result<aya::Btf> {
    let last = kernel.attachable().values().copied().max().unwrap_or(0) as usize;
    // Name, kind, and another type's id; id 0 is void and not listed.
    let mut types = vec![[0, FORWARD, 0]; last];
    let mut strings = vec![0];
    for (name, id) in kernel.attachable() {
        let kind = if FUNCTIONS.contains(name) { FUNCTION } else { TYPEDEF };
        types[*id as usize - 1] = [u32::try_from(strings.len())?, kind, 0];
        strings.extend(name.bytes().chain([0]));
    }
    let types = types.as_flattened();
    let (type_bytes, string_bytes) = (u32::try_from(size_of_val(types))?, u32::try_from(strings.len())?);
    let header = [MAGIC_AND_VERSION, HEADER_BYTES, 0, type_bytes, type_bytes, string_bytes];
    let mut bytes = Vec::with_capacity(size_of_val(&header) + size_of_val(types) + strings.len());
    bytes.extend(header.iter().chain(types).flat_map(|word| word.to_ne_bytes()));
    bytes.extend(strings);
    aya::Btf::parse(&bytes, aya::Endianness::default()).context("the kernel's BTF")
}

#[cfg(test)]
mod tests {
    use aya_obj::btf::BtfKind;

    use super::*;

    #[test]
    fn the_ids_are_those_of_the_whole() {
        let Ok(kernel) = Btf::of_this_kernel() else { return };
        let whole = aya::Btf::from_sys_fs().unwrap();
        let part = attach_types(&kernel).unwrap();
        let names = FUNCTIONS.map(|name| (name, BtfKind::Func)).into_iter();
        for (name, kind) in names.chain(TRACEPOINTS.map(|name| (name, BtfKind::Typedef))) {
            let [whole, part] = [&whole, &part].map(|btf| btf.id_by_type_name_kind(name, kind).ok());
            assert_eq!(part, whole, "{name}");
        }
        assert!(kernel.attachable().contains_key("btf_trace_inet_sock_set_state"));
    }
}
