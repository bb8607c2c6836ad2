//! Reads what a start needs from the kernel, all of it at once: each part takes tens of milliseconds.

use std::thread;

use anyhow::{Context as _, Result, anyhow};
use aya::EbpfLoader;

use super::super::{
    attach_types::attach_types,
    btf::Btf,
    kallsyms::{self, Symbols},
    preemption,
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
    thread::scope(|scope| {
        let symbols = scope.spawn(kallsyms::symbols);
        let loader = scope.spawn(EbpfLoader::new);
        let types = Btf::of_this_kernel()
            .context("no BTF of the kernel in /sys/kernel/btf/vmlinux")
            .and_then(|btf| Ok((attach_types(&btf)?, btf)));
        let symbols = symbols.join().map_err(|_| anyhow!("reading the kernel's symbols failed"))?;
        let loader = loader.join().map_err(|_| anyhow!("the loader of eBPF programs failed"))?;
        let (for_aya, btf) = types?;
        let is_preemptible = preemption::cpus(&super::super::uname::kernel().0) > 0;
        Ok((KernelTypes { btf, for_aya, is_preemptible }, symbols, loader))
    })
}
