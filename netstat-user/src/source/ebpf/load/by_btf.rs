//! A start by BTF: the typed tracepoint for transitions, then every optional set of hooks.

use anyhow::Result;
use aya::EbpfLoader;
use netstat_ebpf::wire::{ClassicFormat, Offsets, program};

use super::super::{
    attempts::Attempts,
    hooks::{CONNECTING_SOCKETS, INDEPENDENT, RESETS_SENT, SNAPSHOTS, STATE, SYN_RETRANSMITS},
    object::{LoadOptions, prepare_and_record},
    offsets,
    reset_causes::ResetCauses,
    snapshot::{Snapshotter, out_of_reach},
};
use super::{
    loaded::{Loaded, without},
    minisock::{self, Minisocks},
    prepared, programs, socket_program,
};
use crate::{model::Missing, open_files};

/// Loads and attaches [`STATE`] and what optional sets this kernel takes; the facts of the others are missing.
///
/// # Errors
/// The kernel doesn't take [`STATE`]. The inner error is that it doesn't take the minisocket hooks that the options
/// name.
pub fn load(options: &LoadOptions, attempts: &mut Attempts) -> Result<Result<Loaded>> {
    let (kernel, symbols, loader) = prepared::read()?;
    let layout = offsets::resolve(&kernel.btf, symbols, true)?;
    // Tracing programs can call `bpf_get_socket_cookie` since 5.12. Before, they can only read a
    // cookie that the kernel has already generated for another reader.
    let without_cookies = Offsets { has_cookie_helper: 0, ..layout.offsets };
    let mut loader: EbpfLoader<'_> = loader;
    let mut attach_state = |offsets| {
        attempts.clear();
        let format = &ClassicFormat::NONE;
        let types = Some(&kernel.for_aya);
        let mut ebpf = prepare_and_record(&mut loader, options, offsets, format, types, attempts)?;
        programs::attach_all(&mut ebpf, &STATE, &kernel, attempts)?;
        anyhow::Ok((ebpf, offsets))
    };
    let (mut ebpf, offsets) = attach_state(&layout.offsets).or_else(|_| attach_state(&without_cookies))?;
    let minisocks = match minisock::attach(&mut ebpf, options.minisock_hook, &layout, &kernel, attempts) {
        Ok(minisocks) => minisocks,
        Err(error) => return Ok(Err(error)),
    };
    let Minisocks { missing: without_minisocks, syn_sent_port, minisocks } = minisocks;
    let mut missing = [layout.missing.clone(), without_minisocks].concat();
    let [mut resets_sent, mut syn_retransmits] = [false; 2];
    for set in INDEPENDENT {
        let attached =
            layout.check(set).and_then(|()| programs::attach_all(&mut ebpf, set, &kernel, attempts));
        match attached {
            Ok(()) => {
                resets_sent |= set == &RESETS_SENT;
                syn_retransmits |= set == &SYN_RETRANSMITS;
            }
            Err(error) => missing.extend(without(set, &format!("{error:#}"))),
        }
    }
    let connecting =
        layout.check(&CONNECTING_SOCKETS).and_then(|()| socket_program::load(&mut ebpf, attempts));
    if let Err(error) = connecting {
        missing.extend(without(&CONNECTING_SOCKETS, &format!("{error:#}")));
    }
    let snapshotter = layout.check(&SNAPSHOTS).and_then(|()| {
        Snapshotter::start(&mut loader, offsets, &kernel.for_aya, options.memory_limit, attempts)
    });
    let snapshotter = match snapshotter {
        Ok(snapshotter) => {
            missing.extend(out_of_reach());
            missing.extend(open_files::too_low().map(few_open_files));
            Some(snapshotter)
        }
        Err(error) => {
            missing.extend(without(&SNAPSHOTS, &format!("iterators: {error:#}")));
            None
        }
    };
    let state_program = program::STATE;
    Ok(Ok(Loaded {
        ebpf,
        missing,
        syn_sent_port,
        minisocks,
        resets_sent,
        syn_retransmits,
        reset_causes: ResetCauses::of(&kernel.btf),
        state_program,
        snapshotter,
    }))
}

/// A snapshot opens more files than a limit of `limit` may leave.
fn few_open_files(limit: u64) -> Missing {
    let needed = open_files::NEEDED;
    let why =
        format!("the limit of open files is {limit}, and up to {needed} are needed: ulimit -n {needed}");
    Missing { what: "all connections, at times: snapshots of all sockets may fail".into(), why }
}
