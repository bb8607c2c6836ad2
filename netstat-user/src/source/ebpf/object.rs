//! The eBPF object: sets its globals, creates its maps, finds its programs.

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf, EbpfError, EbpfLoader,
    maps::MapError,
    programs::{Program, ProgramError},
};
use netstat_ebpf::wire::{ClassicFormat, Filter, Offsets, RING_BYTES, as_bytes, global, map};

use super::attempts::Attempts;
use crate::{
    default_sizes,
    model::Missing,
    options::{MinisockHook, StateHook},
};

/// The compiled programs.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("RNETSTAT_EBPF_OBJECT_PATH"));

/// What to load, and with which settings.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// The transitions that the programs leave out.
    pub filter: Filter,
    /// Size of the ring buffer, bytes: a power of two, at least a page. None: in proportion to the memory.
    pub ring_bytes: Option<u32>,
    /// The limit of this process's memory, bytes; None if there is none.
    pub memory_limit: Option<u64>,
    /// Whether the programs log.
    pub verbose: bool,
    /// The kind of hook for transitions.
    pub state_hook: StateHook,
    /// The kind of hook for minisockets.
    pub minisock_hook: MinisockHook,
}

impl LoadOptions {
    /// All transitions, by the preferred hooks that load.
    pub const fn unfiltered(ring_bytes: Option<u32>, memory_limit: Option<u64>) -> Self {
        Self {
            filter: Filter::ALL,
            ring_bytes,
            memory_limit,
            verbose: false,
            state_hook: StateHook::Auto,
            minisock_hook: MinisockHook::Auto,
        }
    }

    /// Size of the ring buffer, bytes.
    pub fn ring_size(&self) -> u32 {
        self.ring_bytes.unwrap_or_else(|| default_sizes::ring_bytes(self.memory_limit))
    }

    /// What a ring buffer that is smaller than usual for want of memory may not show.
    pub fn small_ring(&self) -> Option<Missing> {
        let (Some(limit), None) = (self.memory_limit, self.ring_bytes) else { return None };
        let kib = |bytes: u32| bytes / 1024;
        (self.ring_size() < RING_BYTES).then(|| Missing {
            what: "all transitions of long bursts, at times".into(),
            why: format!(
                "the memory of this process's cgroup is limited to {} MiB, so the kernel's ring buffer has {} KiB instead of \
                 {}: raise the limit, or set --ring-size",
                limit >> 20,
                kib(self.ring_size()),
                kib(RING_BYTES)
            ),
        })
    }
}

/// Sets the object's globals and creates its maps. Its programs are not loaded yet.
///
/// # Errors
/// The kernel refuses a map.
pub fn prepare<'a>(
    loader: &mut EbpfLoader<'a>,
    options: &'a LoadOptions,
    offsets: &'a Offsets,
    format: &'a ClassicFormat,
    btf: Option<&'a aya::Btf>,
) -> Result<Ebpf, EbpfError> {
    let level: &u8 = if options.verbose { &u8::MAX } else { &0 };
    loader
        .btf(btf)
        .override_global(global::OFFSETS, as_bytes(offsets), true)
        .override_global(global::CLASSIC_FORMAT, as_bytes(format), true)
        .override_global(global::FILTER, as_bytes(&options.filter), true)
        .override_global(global::LOG_LEVEL, level, true)
        .map_max_entries(map::EVENTS, options.ring_size())
        .load(OBJECT)
}

/// As [`prepare`], and records in `attempts` whether the kernel creates the ring buffer and the other maps.
///
/// # Errors
/// The kernel refuses a map.
pub fn prepare_and_record<'a>(
    loader: &mut EbpfLoader<'a>,
    options: &'a LoadOptions,
    offsets: &'a Offsets,
    format: &'a ClassicFormat,
    btf: Option<&'a aya::Btf>,
    attempts: &mut Attempts,
) -> Result<Ebpf> {
    let mut ebpf = None;
    let answer = prepare(loader, options, offsets, format, btf).map(|object| ebpf = Some(object));
    attempts.record(map::EVENTS, "map", answer.map_err(map_refusal))?;
    ebpf.context("no eBPF object")
}

/// The program of that name.
///
/// # Errors
/// The object has no such program: it is not the one that this program was built for.
pub fn find<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Program> {
    ebpf.program_mut(name).with_context(|| format!("the eBPF object has no program {name}"))
}

/// A refused program's reason in one line: the kernel's error, and the line of the verifier's log that says why.
pub fn refusal(error: ProgramError) -> anyhow::Error {
    const STATISTICS: [&str; 3] = ["processed ", "verification time ", "stack depth "];
    let ProgramError::LoadError { io_error, verifier_log } = error else { return anyhow!(error) };
    let log = verifier_log.to_string();
    let is_reason = |line: &&str| !line.is_empty() && !STATISTICS.iter().any(|start| line.starts_with(start));
    match log.lines().rev().find(is_reason) {
        Some(why) => anyhow!("{io_error} ({})", why.trim()),
        None => anyhow!(io_error),
    }
}

/// A refused map's reason: the kernel's error without the two that aya puts around it.
fn map_refusal(error: EbpfError) -> anyhow::Error {
    match error {
        EbpfError::MapError(MapError::CreateError { io_error, .. }) => anyhow!(io_error),
        // aya's probes load small programs. If they fail, aya assumes that the kernel lacks global data. Its error is
        // then misleading, because every supported kernel has global data.
        _ if !aya::features().bpf_global_data() => anyhow!("the kernel refuses even the simplest program"),
        error => anyhow!(error),
    }
}
