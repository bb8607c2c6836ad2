//! What a start needs that takes its time and waits for nothing, all of it at once.

use std::thread;

use anyhow::{Context as _, Result, anyhow};
use aya::EbpfLoader;

use super::super::{
    btf::Btf,
    kallsyms::{self, Symbols},
};

/// The kernel's types, as we read them and as aya does, its symbols, and a loader for each object:
/// aya's loaders read the types again, each for itself.
pub struct Prepared {
    pub btf: Btf,
    pub kernel: aya::Btf,
    pub symbols: Symbols,
    pub for_events: EbpfLoader<'static>,
    pub for_looks: EbpfLoader<'static>,
}

impl Prepared {
    /// Reads all of it.
    ///
    /// # Errors
    /// The kernel has no BTF that can be read.
    pub fn read() -> Result<Self> {
        thread::scope(|scope| {
            let symbols = scope.spawn(kallsyms::symbols);
            let loaders = scope.spawn(|| (EbpfLoader::new(), EbpfLoader::new()));
            let types = Btf::of_this_kernel()
                .context("no BTF of the kernel in /sys/kernel/btf/vmlinux")
                .and_then(|btf| Ok((aya::Btf::parse(btf.bytes(), aya::Endianness::default())?, btf)));
            let symbols = symbols.join().map_err(|_| anyhow!("reading the kernel's symbols failed"))?;
            let (for_events, for_looks) =
                loaders.join().map_err(|_| anyhow!("the loader of eBPF programs failed"))?;
            let (kernel, btf) = types?;
            Ok(Self { btf, kernel, symbols, for_events, for_looks })
        })
    }
}
