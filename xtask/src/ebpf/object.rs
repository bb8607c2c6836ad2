//! Removes from a compiled object what depends on the machine that made it: source paths in the BTF, hashes in symbols.

/// Removes, in place, everything before `library/` from the paths of `core`'s sources.
///
/// A precompiled `core` contains the paths of the machine that compiled it, and our `--remap-path-prefix` cannot change
/// them. NULs fill the end of the string, so that no offset in the BTF changes; BTF allows empty strings.
pub fn cut_paths_of_core(object: &mut [u8]) {
    const LIBRARY: &[u8] = b"/library/";
    for string in object.split_mut(|&byte| byte == 0).filter(|string| string.starts_with(b"/")) {
        if let Some(at) = string.windows(LIBRARY.len()).position(|window| window == LIBRARY) {
            let kept = string.len() - (at + 1);
            string.copy_within(at + 1.., 0);
            string[kept..].fill(0);
        }
    }
}

/// Replaces the crate hashes in Rust's symbol names with zeros.
///
/// Cargo derives them from all packages of the build. A new version of a crate that only a build script uses would
/// therefore change the object, but not its code.
pub fn blank_crate_hashes(object: &mut [u8]) {
    const HASH: &[u8] = b"Cs";
    for symbol in object.split_mut(|&byte| byte == 0).filter(|string| string.starts_with(b"_R")) {
        for at in HASH.len()..symbol.len() {
            let (before, after) = symbol.split_at_mut(at);
            let length = after.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            if before.ends_with(HASH) && after.get(length) == Some(&b'_') {
                after[..length].fill(b'0');
            }
        }
    }
}

/// Every text in the object that looks like an absolute path: it follows a byte that cannot be part of a path, and has
/// at least two components.
pub fn absolute_paths(object: &[u8]) -> Vec<String> {
    let mut paths = Vec::new();
    for text in object.split(|&byte| !byte.is_ascii_graphic()) {
        let names = text.split(|&byte| byte == b'/').skip(1).filter(|name| is_component(name)).count();
        if text.starts_with(b"/") && names >= 2 {
            paths.push(String::from_utf8_lossy(text).into_owned());
        }
    }
    paths
}

fn is_component(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|&byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{absolute_paths, blank_crate_hashes, cut_paths_of_core};

    #[test]
    fn a_path_of_core_is_cut_to_library_and_padded_to_its_old_length() {
        let mut object = *b"\0/usr/src/r/library/core/src/ptr.rs\0next\0";
        cut_paths_of_core(&mut object);
        assert_eq!(&object, b"\0library/core/src/ptr.rs\0\0\0\0\0\0\0\0\0\0\0\0next\0");
    }

    #[test]
    fn other_strings_are_not_changed() {
        let object = *b"\0./netstat-ebpf/library/x.rs\0tp_btf/a\0/\0";
        let mut cut = object;
        cut_paths_of_core(&mut cut);
        assert_eq!(cut, object);
    }

    #[test]
    fn a_symbol_keeps_the_name_of_its_crate_and_loses_the_hash() {
        let mut object = *b"\0_RNvNtCs6cHoskGtNhC_12netstat_ebpf6record6submit\0Cs1_\0_RINvCs1_3aya\0";
        blank_crate_hashes(&mut object);
        assert_eq!(&object, b"\0_RNvNtCs00000000000_12netstat_ebpf6record6submit\0Cs1_\0_RINvCs0_3aya\0");
    }

    #[test]
    fn absolute_paths_are_found_at_any_place_in_the_object() {
        let object =
            b"\x7fELF\0/home/me/src/main.rs\0x\x01/opt/a\xff\0./src/main.rs\0tp_btf/name\0a / b\0/1\0";
        assert_eq!(absolute_paths(object), ["/home/me/src/main.rs", "/opt/a"]);
    }
}
