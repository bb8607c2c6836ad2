//! The kernel's type information, held against what aya's parser finds in it.

use aya::Endianness;
use aya_obj::btf::BtfKind;

use crate::source::ebpf::{
    attach_types::attach_types,
    btf::{Attachable, Btf},
    hooks::{self, Hook},
    kallsyms::Symbols,
    offsets,
};

/// The kernel's type information.
pub fn btf(input: &[u8]) {
    let Ok(btf) = Btf::parse(input.to_vec()) else { return };
    // These look up every field that the programs read.
    drop(offsets::resolve(&btf, Symbols::default(), true));
    drop(offsets::of_socket_files(&btf));
    assert!(btf.enumerators("sk_rst_reason").len() <= usize::from(u16::MAX));
    let reduced = attach_types(&btf).expect("aya parses the reduced BTF");
    let whole = aya::Btf::parse(input, Endianness::default()).ok();
    for (is_function, name) in hooks::all().filter_map(Hook::btf_type) {
        let kind = if is_function { BtfKind::Func } else { BtfKind::Typedef };
        let is_it = |type_: &&Attachable| type_.is_function == is_function && type_.name == name;
        let own = btf.attachable().find(is_it).map(|type_| type_.id);
        let id = |btf: &aya::Btf| btf.id_by_type_name_kind(&name, kind).ok();
        assert_eq!(id(&reduced), own, "{name} in the reduced BTF");
        if let Some(Some(id)) = whole.as_ref().map(id) {
            assert_eq!(own, Some(id), "{name} in the whole BTF");
        }
    }
}
