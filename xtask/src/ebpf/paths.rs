//! The paths of the eBPF package, its object and its builds.

use std::path::PathBuf;

use anyhow::Result;

use crate::workspace;

/// The package of the programs that run in the kernel, and its directory in the checkout.
pub const PACKAGE: &str = "netstat-ebpf";

/// The object that is under version control.
pub fn committed() -> Result<PathBuf> {
    Ok(workspace::root()?.join(PACKAGE).join("object/netstat-ebpf.o"))
}

/// The record of what made the committed object.
pub fn record() -> Result<PathBuf> {
    Ok(committed()?.with_extension("toml"))
}

/// The target directory of builds for BPF. It is not the one of host builds, so that each keeps its cache.
pub fn target_dir() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("ebpf"))
}
