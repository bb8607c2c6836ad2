//! Whether this process may use as much memory as the kernel's BTF takes: else the kernel would kill it on the way.

use std::fs;

use anyhow::{Result, bail};

use super::btf::VMLINUX;
use crate::default_sizes;

const MIB: u64 = 1 << 20;

/// To be called before the kernel's BTF is read.
///
/// # Errors
/// The memory limit is too low: what it is, and what is needed.
pub fn check(memory_limit: Option<u64>, ring_bytes: u32) -> Result<()> {
    let btf_bytes = fs::metadata(VMLINUX).map_or(0, |file| file.len());
    match (memory_limit, default_sizes::lacking_for_ebpf(memory_limit, btf_bytes, ring_bytes)) {
        (Some(limit), Some(needed)) => bail!(
            "the memory of this process's cgroup is limited to {} MiB, and eBPF needs {} MiB here: raise the limit",
            limit / MIB,
            needed.div_ceil(MIB)
        ),
        _ => Ok(()),
    }
}
