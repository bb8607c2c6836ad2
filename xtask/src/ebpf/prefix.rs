//! What the compiler writes instead of this machine's folders, so that every machine makes the same bytes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::toolchain::{Toolchain, cargo_home};
use crate::workspace;

/// `--remap-path-prefix` for the checkout, the unpacked packages and the sources of `core`.
///
/// rustc takes the last one that fits. The folder of packages is named after the registry's host, so the
/// packages must have been fetched when this is asked.
pub fn remap_flags(toolchain: &Toolchain) -> Result<Vec<OsString>> {
    let mut flags = Vec::new();
    remap(&mut flags, &workspace::root()?, ".");
    if let Some(home) = cargo_home() {
        for registry in fs::read_dir(home.join("registry/src")).into_iter().flatten() {
            remap(&mut flags, &registry?.path(), "packages");
        }
    }
    remap(&mut flags, &toolchain.sysroot.join("lib/rustlib/src/rust"), ".");
    Ok(flags)
}

/// For the folder as it is named, and as it is when symbolic links are followed.
fn remap(flags: &mut Vec<OsString>, folder: &Path, to: &str) {
    let mut names: Vec<PathBuf> = vec![folder.to_path_buf()];
    names.extend(folder.canonicalize().ok().filter(|real| real != folder));
    for name in names {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(name);
        flag.push("=");
        flag.push(to);
        flags.push(flag);
    }
}
