//! The kernel's BTF, reduced to the types that aya looks up: those that programs are attached to.
//!
//! aya takes some 20 ms to parse a whole kernel's BTF, and searches all of it for each name. Here every other type is
//! a forward declaration, so that the ids are those of the whole BTF.

use anyhow::{Context as _, Result};

use super::btf::{Btf, KIND_FUNC, KIND_FWD, KIND_TYPEDEF};

// include/uapi/linux/btf.h
const MAGIC_AND_VERSION: u32 = 0x0001_eb9f;
const HEADER_BYTES: u32 = 24;

/// The reduced BTF, parsed by aya.
///
/// # Errors
/// aya can't parse it.
pub fn attach_types(kernel: &Btf) -> Result<aya::Btf> {
    let last = kernel.attachable().map(|attachable| attachable.id).max().unwrap_or(0) as usize;
    // Name, kind, and another type's id; id 0 is void and not listed.
    let mut types = vec![[0, KIND_FWD << 24, 0]; last];
    let mut strings = vec![0];
    for attachable in kernel.attachable() {
        let kind = if attachable.is_function { KIND_FUNC } else { KIND_TYPEDEF };
        types[attachable.id as usize - 1] = [u32::try_from(strings.len())?, kind << 24, 0];
        strings.extend(attachable.name.bytes().chain([0]));
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
    use netstat_tests::skip;

    use super::*;
    use crate::source::ebpf::hooks;

    #[test]
    fn every_hook_has_the_same_type_id_as_in_the_whole_btf() {
        let kernel = Btf::of_this_kernel();
        if skip::without("a kernel with BTF", kernel.is_ok()) {
            return;
        }
        let kernel = kernel.unwrap();
        let whole = aya::Btf::from_sys_fs().unwrap();
        let part = attach_types(&kernel).unwrap();
        for (is_function, name) in hooks::all().filter_map(hooks::Hook::btf_type) {
            let kind = if is_function { BtfKind::Func } else { BtfKind::Typedef };
            let [whole, part] = [&whole, &part].map(|btf| btf.id_by_type_name_kind(&name, kind).ok());
            assert_eq!(part, whole, "{name}");
        }
        assert!(kernel.has_target(&hooks::STATE.hooks[0]));
    }
}
