//! Reads what a start needs from the kernel, all of it at once: each part takes tens of milliseconds.

use anyhow::{Context as _, Result};
use aya::EbpfLoader;

use super::super::{
    attach_types::attach_types,
    btf::Btf,
    kallsyms::{self, Symbols},
    parallel, uname,
};

/// What attaching programs by BTF needs to know of the kernel.
pub struct KernelTypes {
    /// The kernel's BTF.
    pub btf: Btf,
    /// The part of it that aya looks up.
    pub for_aya: aya::Btf,
    /// Whether a task may be preempted inside a tracepoint's programs.
    pub is_preemptible: bool,
}

/// The kernel's types, the addresses of its functions, and a loader for all objects: each new loader parses the
/// kernel's BTF again.
///
/// # Errors
/// The kernel's BTF can't be read.
pub fn read() -> Result<(KernelTypes, Symbols, EbpfLoader<'static>)> {
    const THREAD: &str = "rnetstat-load";
    let types = || {
        let btf = Btf::of_this_kernel().context("no BTF of the kernel in /sys/kernel/btf/vmlinux")?;
        anyhow::Ok((attach_types(&btf)?, btf))
    };
    let (symbols, (loader, types)) =
        parallel::join(THREAD, kallsyms::symbols, || parallel::join(THREAD, EbpfLoader::new, types));
    let (for_aya, btf) = types?;
    let is_preemptible = uname::preemptible_cpus() > 0;
    Ok((KernelTypes { btf, for_aya, is_preemptible }, symbols, loader))
}
