//! The kernel's types as far as aya asks for them: the ids of the functions and of the tracepoints' types.
//!
//! aya's reader takes each struct with all its members apart, some 40 ms for a whole kernel. In what it gets here
//! every type that has no part in that is a forward declaration, so the ids stay what they are.

use anyhow::{Context as _, Result};

use super::btf::{Btf, KIND_FORWARD, KIND_FUNC, KIND_TYPEDEF};

/// Of the header (`struct btf_header`, include/uapi/linux/btf.h).
const HEADER_BYTES: u32 = 24;

/// What [`aya::programs`] needs of the kernel's types to attach.
///
/// # Errors
/// What was put together is no BTF: the kernel's own is damaged.
pub fn attach_types(kernel: &Btf) -> Result<aya::Btf> {
    let types: Vec<[u32; 3]> = kernel
        .types()
        .map(|(name, info, target)| match info >> 24 & 0x1f {
            KIND_FUNC | KIND_TYPEDEF => [name, info, target],
            _ => [0, KIND_FORWARD << 24, 0],
        })
        .collect();
    let types = types.as_flattened();
    let strings = kernel.strings();
    let (type_bytes, string_bytes) = (u32::try_from(size_of_val(types))?, u32::try_from(strings.len())?);
    let header = [kernel.magic_word(), HEADER_BYTES, 0, type_bytes, type_bytes, string_bytes];
    let mut bytes = Vec::with_capacity(size_of_val(&header) + size_of_val(types) + strings.len());
    bytes.extend(header.iter().chain(types).flat_map(|word| word.to_ne_bytes()));
    bytes.extend(strings);
    aya::Btf::parse(&bytes, aya::Endianness::default()).context("the kernel's BTF")
}

#[cfg(test)]
mod tests {
    use aya::Btf as Whole;
    use aya_obj::btf::BtfKind;

    use super::*;

    #[test]
    fn the_ids_are_those_of_the_whole() {
        let Ok(kernel) = Btf::of_this_kernel() else { return };
        let whole = Whole::from_sys_fs().unwrap();
        let part = attach_types(&kernel).unwrap();
        for (name, kind) in [
            ("btf_trace_inet_sock_set_state", BtfKind::Typedef),
            ("bpf_iter_tcp", BtfKind::Func),
            ("tcp_connect", BtfKind::Func),
            ("no_such_function", BtfKind::Func),
        ] {
            let [whole, part] = [&whole, &part].map(|btf| btf.id_by_type_name_kind(name, kind).ok());
            assert_eq!(part, whole, "{name}");
        }
    }
}
