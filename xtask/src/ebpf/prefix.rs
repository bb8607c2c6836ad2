//! The flags that replace this machine's directories in the object, so that every machine makes the same bytes.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::toolchain::{Toolchain, cargo_home};
use crate::workspace;

/// `--remap-path-prefix` for the checkout, the unpacked packages and the sources of `core`.
///
/// rustc uses the last flag that fits. Cargo names the directory of unpacked packages after the registry's host, so
/// this must run after `cargo fetch`.
pub fn remap_flags(toolchain: &Toolchain) -> Result<Vec<OsString>> {
    let mut flags = Vec::new();
    remap(&mut flags, &workspace::root()?, ".");
    if let Some(home) = cargo_home() {
        for registry in fs::read_dir(home.join("registry/src")).into_iter().flatten() {
            remap(&mut flags, &registry?.path(), "packages");
        }
    }
    remap(&mut flags, &toolchain.rust_sources(), ".");
    Ok(flags)
}

/// Remaps a directory by its name and by its canonical name, which differ if a symbolic link is in the path.
fn remap(flags: &mut Vec<OsString>, directory: &Path, to: &str) {
    let mut names: Vec<PathBuf> = vec![directory.to_path_buf()];
    names.extend(directory.canonicalize().ok().filter(|canonical| canonical != directory));
    for name in names {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(name);
        flag.push("=");
        flag.push(to);
        flags.push(flag);
    }
}
