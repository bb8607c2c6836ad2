//! Loads and attaches the programs: the best form of each hook that this kernel takes.

use anyhow::{Context as _, Result, anyhow};
use aya::{
    Ebpf, EbpfLoader,
    programs::{BtfTracePoint, ProgramError, TracePoint},
};
use netstat_ebpf::wire::{ClassicFormat, Filter, Offsets, as_bytes, global, map, program};

use super::{btf::Btf, classic_format, offsets};
use crate::{config::StateHook, model::Missing};

/// The compiled programs.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("RNETSTAT_EBPF_OBJECT_PATH"));

/// What to load.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// What the kernel side leaves out.
    pub filter: Filter,
    /// Size of the ring buffer, bytes: a power of two, at least a page.
    pub ring_bytes: u32,
    /// Whether the programs log.
    pub verbose: bool,
    /// Which form of the state hook to take.
    pub state_hook: StateHook,
}

/// Programs at work; they end with the value, or with the process.
pub struct Loaded {
    /// The object, its maps and links.
    pub ebpf: Ebpf,
    /// Each attached probe: its name and kind.
    pub hooks: Vec<(&'static str, &'static str)>,
    /// What can't be seen.
    pub missing: Vec<Missing>,
    /// The programs whose skipped runs are lost transitions.
    pub state_program: &'static str,
}

/// Loads by the best way that works.
///
/// # Errors
/// No way works; the error says why for each of them.
pub fn load(request: &Request) -> Result<Loaded> {
    let typed = match request.state_hook {
        StateHook::Tracepoint => Err(anyhow!("not asked for")),
        StateHook::Auto | StateHook::TpBtf => with_tp_btf(request),
    };
    match (typed, request.state_hook) {
        (Ok(loaded), _) => Ok(loaded),
        (Err(error), StateHook::TpBtf) => Err(error),
        (Err(typed), _) => with_tracepoint(request, &typed).map_err(|classic| {
            anyhow!("the kernel takes no eBPF program: tp_btf: {typed:#}; tracepoint: {classic:#}{}", advice())
        }),
    }
}

fn with_tp_btf(request: &Request) -> Result<Loaded> {
    let btf = Btf::of_this_kernel().context("no BTF of the kernel in /sys/kernel/btf/vmlinux")?;
    let kernel = aya::Btf::parse(btf.bytes(), aya::Endianness::default())?;
    // `bpf_get_socket_cookie` came to tracing programs with 5.12; without it a cookie is what the
    // kernel has made for others.
    with_offsets(request, &btf, &kernel, true).or_else(|_| with_offsets(request, &btf, &kernel, false))
}

fn with_offsets(request: &Request, btf: &Btf, kernel: &aya::Btf, cookie_helper: bool) -> Result<Loaded> {
    let (offsets, mut missing) = offsets::resolve(btf, cookie_helper)?;
    let mut ebpf = object(request, &offsets, &ClassicFormat::NONE, Some(kernel))?;
    attach_tp_btf(&mut ebpf, program::STATE, kernel)?;
    attach_tp_btf(&mut ebpf, program::STATE_NESTED, kernel)?;
    let mut hooks = vec![(program::STATE, "tp_btf"), (program::STATE_NESTED, "tp_btf")];
    if offsets.tcp_write_timer != 0 {
        match attach_tp_btf(&mut ebpf, program::TIMER_START, kernel) {
            Ok(()) => hooks.push((program::TIMER_START, "tp_btf")),
            Err(error) => {
                missing.push(Missing { what: offsets::SYN_SENT_PORT, why: format!("timer_start: {error:#}") });
            }
        }
    }
    Ok(Loaded { ebpf, hooks, missing, state_program: program::STATE })
}

fn with_tracepoint(request: &Request, why_not_tp_btf: &anyhow::Error) -> Result<Loaded> {
    let format = classic_format::read()?;
    let mut ebpf = object(request, &Offsets::NONE, &format, None)?;
    let state: &mut TracePoint = find(&mut ebpf, program::STATE_CLASSIC)?.try_into()?;
    state.load().map_err(reason)?;
    state.attach(classic_format::CATEGORY, classic_format::NAME)?;
    let missing = [offsets::SYN_SENT_PORT, "network namespaces"]
        .map(|what| Missing { what, why: format!("tp_btf programs don't load: {why_not_tp_btf:#}") });
    Ok(Loaded {
        ebpf,
        hooks: vec![(program::STATE_CLASSIC, "tracepoint")],
        missing: missing.to_vec(),
        state_program: program::STATE_CLASSIC,
    })
}

/// The object with its globals set; its maps exist, its programs are not loaded yet.
fn object(request: &Request, offsets: &Offsets, format: &ClassicFormat, btf: Option<&aya::Btf>) -> Result<Ebpf> {
    let level: u8 = if request.verbose { u8::MAX } else { 0 };
    EbpfLoader::new()
        .btf(btf)
        .override_global(global::OFFSETS, as_bytes(offsets), true)
        .override_global(global::CLASSIC_FORMAT, as_bytes(format), true)
        .override_global(global::FILTER, as_bytes(&request.filter), true)
        .override_global(global::LOG_LEVEL, &level, true)
        .map_max_entries(map::EVENTS, request.ring_bytes)
        .load(OBJECT)
        .map_err(|error| anyhow!(error))
}

fn attach_tp_btf(ebpf: &mut Ebpf, name: &'static str, btf: &aya::Btf) -> Result<()> {
    let tracepoint = name.strip_suffix("_nested").unwrap_or(name);
    let program: &mut BtfTracePoint = find(ebpf, name)?.try_into()?;
    program.load(tracepoint, btf).map_err(reason)?;
    program.attach()?;
    Ok(())
}

fn find<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut aya::programs::Program> {
    ebpf.program_mut(name).with_context(|| format!("the eBPF object has no program {name}"))
}

/// A refusal in one line: the kernel's error, and of the verifier's log the line that says why.
fn reason(error: ProgramError) -> anyhow::Error {
    let ProgramError::LoadError { io_error, verifier_log } = error else { return anyhow!(error) };
    let log = verifier_log.to_string();
    const STATISTICS: [&str; 3] = ["processed ", "verification time ", "stack depth "];
    let is_reason = |line: &&str| !line.is_empty() && !STATISTICS.iter().any(|start| line.starts_with(start));
    let why = log.lines().rev().find(is_reason);
    match why {
        Some(why) => anyhow!("{io_error} ({})", why.trim()),
        None => anyhow!(io_error),
    }
}

/// What the user can do about a refusal.
fn advice() -> &'static str {
    if rustix::process::geteuid().is_root() {
        ""
    } else {
        "; run it as root (sudo rnetstat-trace) or with CAP_BPF and CAP_PERFMON"
    }
}
