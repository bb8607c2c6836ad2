//! A start by the classic tracepoint, which needs no BTF and reports transitions only.

use anyhow::{Result, bail, ensure};
use aya::{EbpfLoader, programs::TracePoint};
use netstat_ebpf::wire::Offsets;

use super::super::{
    attempts::Attempts,
    btf::Btf,
    classic_format,
    hooks::{CONNECTING_SOCKETS, INDEPENDENT, MINISOCK_FUNCTIONS, SNAPSHOTS, STATE, STATE_CLASSIC},
    object::{LoadOptions, find, prepare_and_record, refusal},
    offsets,
    reset_causes::ResetCauses,
};
use super::loaded::{Loaded, without};
use crate::options::MinisockHook;

/// Loads and attaches [`STATE_CLASSIC`]; all facts of the other hooks are missing.
///
/// # Errors
/// The kernel refuses it, or tracefs can't be read.
pub fn load(
    options: &LoadOptions,
    why_not_tp_btf: &anyhow::Error,
    attempts: &mut Attempts,
) -> Result<Loaded> {
    ensure!(options.minisock_hook == MinisockHook::Auto, "--life-hook needs tp_btf programs");
    let format = classic_format::read()?;
    let mut loader = EbpfLoader::new();
    // Without BTF the kernel side names a process only if its main thread causes the transition.
    let offsets = Btf::of_this_kernel().map_or(Offsets::NONE, |btf| offsets::of_processes(&btf));
    let mut ebpf = prepare_and_record(&mut loader, options, &offsets, &format, None, attempts)?;
    let [hook] = STATE_CLASSIC.hooks else { bail!("the table of hooks has no classic tracepoint") };
    let state: &mut TracePoint = find(&mut ebpf, hook.program)?.try_into()?;
    attempts.record(hook.name(), hook.kind.name(), state.load().map_err(refusal))?;
    state.attach(classic_format::CATEGORY, hook.target)?;
    attempts.mark_attached(1);
    let why = format!("tp_btf programs don't load: {why_not_tp_btf:#}");
    let sets =
        [&MINISOCK_FUNCTIONS].into_iter().chain(INDEPENDENT).chain([&CONNECTING_SOCKETS, &SNAPSHOTS, &STATE]);
    Ok(Loaded {
        ebpf,
        missing: sets.flat_map(|set| without(set, &why)).collect(),
        syn_sent_port: false,
        minisocks: false,
        resets_sent: false,
        syn_retransmits: false,
        reset_causes: ResetCauses::default(),
        state_program: hook.program,
        snapshotter: None,
    })
}
