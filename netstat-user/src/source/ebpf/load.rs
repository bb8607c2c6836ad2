//! Loads and attaches the programs: the best form of each hook that this kernel takes.

mod advice;
pub mod memlock;
mod minisock;
mod prepared;
mod programs;
mod tried;

use anyhow::{Context as _, Result, anyhow, ensure};
use aya::{Ebpf, EbpfError, EbpfLoader, maps::MapError, programs::TracePoint};
use netstat_ebpf::wire::{ClassicFormat, Filter, Offsets, as_bytes, global, map, program};

pub use programs::{find, reason};
pub use tried::{Attempts, Hook, Outcome, Tried};

use self::{advice::advice, minisock::Life, prepared::Prepared};
use super::{
    classic_format, offsets,
    snapshot::{Snapshotter, out_of_reach},
};
use crate::{
    model::Missing,
    options::{MinisockHook, StateHook},
};

/// The compiled programs.
static OBJECT: &[u8] = aya::include_bytes_aligned!(env!("RNETSTAT_EBPF_OBJECT_PATH"));

/// What [`Missing`] calls what only a look at all sockets can tell.
const THE_PAST: &str = "connections from before the start, and owners found by a scan";

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
    /// Which hooks to take for what the state hook doesn't show.
    pub minisock_hook: MinisockHook,
}

impl Request {
    /// All transitions, by the best that loads.
    pub const fn of_everything(ring_bytes: u32) -> Self {
        Self {
            filter: Filter::ALL,
            ring_bytes,
            verbose: false,
            state_hook: StateHook::Auto,
            minisock_hook: MinisockHook::Auto,
        }
    }
}

/// Programs at work; they end with the value, or with the process.
pub struct Loaded {
    /// The object, its maps and links.
    pub ebpf: Ebpf,
    /// What can't be seen.
    pub missing: Vec<Missing>,
    /// Whether the local port in SYN_SENT is seen.
    pub ends: bool,
    /// Whether half-open connections and TIME_WAIT are seen.
    pub minisocks: bool,
    /// The programs whose skipped runs are lost transitions.
    pub state_program: &'static str,
    /// Looks at all sockets and their holders.
    pub snapshotter: Option<Snapshotter>,
}

impl Loaded {
    fn add_life(&mut self, Life { missing, ends, minisocks }: Life) {
        self.missing.extend(missing);
        self.ends = ends;
        self.minisocks = minisocks;
    }

    fn attach_accept(&mut self, kernel: &aya::Btf, attempts: &mut Attempts) {
        if let Err(error) = programs::attach_all(&mut self.ebpf, &[program::ACCEPT], kernel, attempts) {
            let what = "who accepts, at once (a scan finds it while the connection lives)";
            self.missing.push(Missing { what, why: format!("{error:#}") });
        }
    }

    fn start_snapshots<'a>(
        &mut self,
        loader: &mut EbpfLoader<'a>,
        offsets: &'a Offsets,
        kernel: &'a aya::Btf,
        attempts: &mut Attempts,
    ) {
        match Snapshotter::start(loader, offsets, kernel, attempts) {
            Ok(snapshotter) => {
                self.missing.extend(out_of_reach());
                self.snapshotter = Some(snapshotter);
            }
            Err(error) => self.missing.push(Missing { what: THE_PAST, why: format!("iterators: {error:#}") }),
        }
    }
}

/// Loads by the best way that works; `attempts` gets each probe that was tried.
///
/// # Errors
/// No way works; the error says why for each of them.
pub fn load(request: &Request, attempts: &mut Attempts) -> Result<Loaded> {
    memlock::raise();
    let typed = match request.state_hook {
        StateHook::Tracepoint => Err(anyhow!("not asked for")),
        StateHook::Auto | StateHook::TpBtf => with_tp_btf(request, attempts),
    };
    match (typed, request.state_hook) {
        (Ok(loaded), _) => loaded,
        (Err(error), StateHook::TpBtf) => Err(error),
        (Err(typed), _) => with_tracepoint(request, &typed, attempts).map_err(|classic| {
            let advice = advice();
            anyhow!("the kernel takes no eBPF program: tp_btf: {typed:#}; tracepoint: {classic:#}; {advice}")
        }),
    }
}

/// The state hook in its typed form, and then what else adds a fact; where one doesn't load, that fact is missing.
///
/// # Errors
/// The state hook doesn't load. The error within is that a life hook which was asked for by its name doesn't.
fn with_tp_btf(request: &Request, attempts: &mut Attempts) -> Result<Result<Loaded>> {
    let (Prepared { btf, kernel, symbols }, loader) = Prepared::read()?;
    // `bpf_get_socket_cookie` came to tracing programs with 5.12; without it a cookie is what the
    // kernel has made for others.
    let (offsets, missing) = offsets::resolve(&btf, symbols, true)?;
    let without_cookies = Offsets { has_cookie_helper: 0, ..offsets };
    let mut loader: EbpfLoader<'_> = loader;
    let mut state_hook = |offsets| {
        attempts.start_anew();
        let mut ebpf =
            with_ring(&mut loader, request, offsets, &ClassicFormat::NONE, Some(&kernel), attempts)?;
        programs::attach_all(&mut ebpf, state_programs(offsets), &kernel, attempts)?;
        anyhow::Ok((ebpf, offsets))
    };
    let (ebpf, offsets) = state_hook(&offsets).or_else(|_| state_hook(&without_cookies))?;
    let state_program = program::STATE;
    let mut loaded =
        Loaded { ebpf, missing, ends: false, minisocks: false, state_program, snapshotter: None };
    let life = minisock::attach(&mut loaded.ebpf, request.minisock_hook, offsets, &btf, &kernel, attempts);
    Ok(life.map(|life| {
        loaded.add_life(life);
        loaded.attach_accept(&kernel, attempts);
        loaded.start_snapshots(&mut loader, offsets, &kernel, attempts);
        loaded
    }))
}

/// What it takes to see every transition.
fn state_programs(offsets: &Offsets) -> &'static [&'static str] {
    match offsets.preemptible_cpus {
        0 => &[program::STATE, program::STATE_NESTED],
        _ => &[program::STATE, program::STATE_NESTED, program::STATE_PREEMPTING],
    }
}

fn with_tracepoint(
    request: &Request,
    why_not_tp_btf: &anyhow::Error,
    attempts: &mut Attempts,
) -> Result<Loaded> {
    ensure!(request.minisock_hook == MinisockHook::Auto, "--life-hook needs tp_btf programs");
    let format = classic_format::read()?;
    let mut loader = EbpfLoader::new();
    let mut ebpf = with_ring(&mut loader, request, &Offsets::NONE, &format, None, attempts)?;
    let state: &mut TracePoint = find(&mut ebpf, program::STATE_CLASSIC)?.try_into()?;
    attempts.note(program::STATE_CLASSIC, "tracepoint", state.load().map_err(reason))?;
    state.attach(classic_format::CATEGORY, classic_format::NAME)?;
    attempts.attached(1);
    let missing = [
        minisock::SYN_SENT_PORT,
        minisock::MINISOCKS,
        THE_PAST,
        "network namespaces, cgroups, close reasons and numbers",
    ]
    .map(|what| Missing { what, why: format!("tp_btf programs don't load: {why_not_tp_btf:#}") });
    Ok(Loaded {
        ebpf,
        missing: missing.to_vec(),
        ends: false,
        minisocks: false,
        state_program: program::STATE_CLASSIC,
        snapshotter: None,
    })
}

/// As [`object`], with a note of whether the kernel gives a ring buffer and the other maps.
fn with_ring<'a>(
    loader: &mut EbpfLoader<'a>,
    request: &'a Request,
    offsets: &'a Offsets,
    format: &'a ClassicFormat,
    btf: Option<&'a aya::Btf>,
    attempts: &mut Attempts,
) -> Result<Ebpf> {
    let mut ebpf = None;
    let said = object(loader, request, offsets, format, btf).map(|object| ebpf = Some(object));
    attempts.note(map::EVENTS, "map", said.map_err(map_reason))?;
    ebpf.context("no eBPF object")
}

/// The kernel's own word, without aya's two frames around it.
fn map_reason(error: EbpfError) -> anyhow::Error {
    match error {
        EbpfError::MapError(MapError::CreateError { io_error, .. }) => anyhow!(io_error),
        // Then aya makes the object ready for a kernel that can't exist.
        _ if !aya::features().bpf_global_data() => anyhow!("the kernel refuses even the simplest program"),
        error => anyhow!(error),
    }
}

/// The object with its globals set; its maps exist, its programs are not loaded yet.
pub fn object<'a>(
    loader: &mut EbpfLoader<'a>,
    request: &'a Request,
    offsets: &'a Offsets,
    format: &'a ClassicFormat,
    btf: Option<&'a aya::Btf>,
) -> Result<Ebpf, EbpfError> {
    let level: &u8 = if request.verbose { &u8::MAX } else { &0 };
    loader
        .btf(btf)
        .override_global(global::OFFSETS, as_bytes(offsets), true)
        .override_global(global::CLASSIC_FORMAT, as_bytes(format), true)
        .override_global(global::FILTER, as_bytes(&request.filter), true)
        .override_global(global::LOG_LEVEL, level, true)
        .map_max_entries(map::EVENTS, request.ring_bytes)
        .load(OBJECT)
}
