//! Paths: the checkout, its target directory, the files below a directory.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout's canonical path.
pub fn root() -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().with_context(|| format!("the checkout does not exist: {}", root.display()))
}

/// Cargo's target directory: `CARGO_TARGET_DIR` if it is set, else `target` in the checkout.
pub fn target_dir() -> Result<PathBuf> {
    let named = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(root()?.join(named))
}

/// Every file below `dir`, sorted, without those in hidden and build directories.
pub fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        let entries = fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", dir.display()))?;
            let name = entry.file_name();
            if !entry.file_type()?.is_dir() {
                files.push(entry.path());
            } else if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                dirs.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}
