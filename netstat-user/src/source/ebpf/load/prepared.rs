//! What a start needs that takes its time and waits for nothing, all of it at once.

use std::thread;

use anyhow::{Context as _, Result, anyhow};
use aya::EbpfLoader;

use super::super::{
    attach_types::attach_types,
    btf::Btf,
    kallsyms::{self, Symbols},
};

/// The kernel's types, as we read them and as aya asks for them, and its symbols.
pub struct Prepared {
    pub btf: Btf,
    pub kernel: aya::Btf,
    pub symbols: Symbols,
}

impl Prepared {
    /// Reads all of it, and makes a loader for all objects: it reads the types again, all of them.
    ///
    /// # Errors
    /// The kernel has no BTF that can be read.
    pub fn read() -> Result<(Self, EbpfLoader<'static>)> {
        thread::scope(|scope| {
            let symbols = scope.spawn(kallsyms::symbols);
            let loader = scope.spawn(EbpfLoader::new);
            let types = Btf::of_this_kernel()
                .context("no BTF of the kernel in /sys/kernel/btf/vmlinux")
                .and_then(|btf| Ok((attach_types(&btf)?, btf)));
            let symbols = symbols.join().map_err(|_| anyhow!("reading the kernel's symbols failed"))?;
            let loader = loader.join().map_err(|_| anyhow!("the loader of eBPF programs failed"))?;
            let (kernel, btf) = types?;
            Ok((Self { btf, kernel, symbols }, loader))
        })
    }
}
