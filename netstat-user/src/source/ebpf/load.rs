//! Loads and attaches the programs: the best form of each hook that this kernel takes.

mod life;
mod programs;

use anyhow::{Context as _, Result, anyhow, ensure};
use aya::{Ebpf, EbpfLoader, programs::TracePoint};
use netstat_ebpf::wire::{ClassicFormat, Filter, Offsets, as_bytes, global, map, program};

pub use programs::{Hook, find, reason};

use self::life::Life;
use super::{btf::Btf, classic_format, offsets, snapshot::Snapshotter};
use crate::{
    config::{LifeHook, StateHook},
    model::Missing,
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
    pub life_hook: LifeHook,
}

/// Programs at work; they end with the value, or with the process.
pub struct Loaded {
    /// The object, its maps and links.
    pub ebpf: Ebpf,
    /// Each attached probe: its name and kind.
    pub hooks: Vec<Hook>,
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
    fn add_life(&mut self, Life { hooks, missing, ends, minisocks }: Life) {
        self.hooks.extend(hooks);
        self.missing.extend(missing);
        self.ends = ends;
        self.minisocks = minisocks;
    }

    fn attach_accept(&mut self, kernel: &aya::Btf) {
        match programs::attach_all(&mut self.ebpf, &[program::ACCEPT], kernel) {
            Ok(hooks) => self.hooks.extend(hooks),
            Err(error) => {
                let what = "who accepts, at once (a scan finds it while the connection lives)";
                self.missing.push(Missing { what, why: format!("{error:#}") });
            }
        }
    }

    fn start_snapshots(&mut self, offsets: &Offsets, kernel: &aya::Btf) {
        match Snapshotter::start(offsets, kernel) {
            Ok(snapshotter) => self.snapshotter = Some(snapshotter),
            Err(error) => self.missing.push(Missing { what: THE_PAST, why: format!("iterators: {error:#}") }),
        }
    }
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
        (Ok(typed), _) => typed.complete(request),
        (Err(error), StateHook::TpBtf) => Err(error),
        (Err(typed), _) => with_tracepoint(request, &typed).map_err(|classic| {
            anyhow!(
                "the kernel takes no eBPF program: tp_btf: {typed:#}; tracepoint: {classic:#}{}",
                advice()
            )
        }),
    }
}

/// The state hook in its typed form, and what the other hooks need.
struct Typed {
    loaded: Loaded,
    offsets: Offsets,
    btf: Btf,
    kernel: aya::Btf,
}

impl Typed {
    /// Attaches what adds a fact; where one doesn't load, that fact is missing.
    fn complete(self, request: &Request) -> Result<Loaded> {
        let Self { mut loaded, offsets, btf, kernel } = self;
        let life = life::attach(&mut loaded.ebpf, request.life_hook, &offsets, &btf, &kernel)?;
        loaded.add_life(life);
        loaded.attach_accept(&kernel);
        loaded.start_snapshots(&offsets, &kernel);
        Ok(loaded)
    }
}

fn with_tp_btf(request: &Request) -> Result<Typed> {
    let btf = Btf::of_this_kernel().context("no BTF of the kernel in /sys/kernel/btf/vmlinux")?;
    let kernel = aya::Btf::parse(btf.bytes(), aya::Endianness::default())?;
    // `bpf_get_socket_cookie` came to tracing programs with 5.12; without it a cookie is what the
    // kernel has made for others.
    let with_cookies = |helper| {
        let (offsets, missing) = offsets::resolve(&btf, helper)?;
        let mut ebpf = object(request, &offsets, &ClassicFormat::NONE, Some(&kernel))?;
        let hooks = programs::attach_all(&mut ebpf, &[program::STATE, program::STATE_NESTED], &kernel)?;
        let state_program = program::STATE;
        let loaded =
            Loaded { ebpf, hooks, missing, ends: false, minisocks: false, state_program, snapshotter: None };
        anyhow::Ok((loaded, offsets))
    };
    let (loaded, offsets) = with_cookies(true).or_else(|_| with_cookies(false))?;
    Ok(Typed { loaded, offsets, btf, kernel })
}

fn with_tracepoint(request: &Request, why_not_tp_btf: &anyhow::Error) -> Result<Loaded> {
    ensure!(request.life_hook == LifeHook::Auto, "--life-hook needs tp_btf programs");
    let format = classic_format::read()?;
    let mut ebpf = object(request, &Offsets::NONE, &format, None)?;
    let state: &mut TracePoint = find(&mut ebpf, program::STATE_CLASSIC)?.try_into()?;
    state.load().map_err(reason)?;
    state.attach(classic_format::CATEGORY, classic_format::NAME)?;
    let missing = [
        life::SYN_SENT_PORT,
        life::MINISOCKS,
        THE_PAST,
        "network namespaces, cgroups, close reasons and numbers",
    ]
    .map(|what| Missing { what, why: format!("tp_btf programs don't load: {why_not_tp_btf:#}") });
    Ok(Loaded {
        ebpf,
        hooks: vec![(program::STATE_CLASSIC, "tracepoint")],
        missing: missing.to_vec(),
        ends: false,
        minisocks: false,
        state_program: program::STATE_CLASSIC,
        snapshotter: None,
    })
}

/// The object with its globals set; its maps exist, its programs are not loaded yet.
pub fn object(
    request: &Request,
    offsets: &Offsets,
    format: &ClassicFormat,
    btf: Option<&aya::Btf>,
) -> Result<Ebpf> {
    object_by(EbpfLoader::new(), request, offsets, format, btf)
}

/// The same by a loader that has been made already, which takes its time: it reads the kernel's BTF.
pub fn object_by<'a>(
    mut loader: EbpfLoader<'a>,
    request: &'a Request,
    offsets: &'a Offsets,
    format: &'a ClassicFormat,
    btf: Option<&'a aya::Btf>,
) -> Result<Ebpf> {
    let level: &u8 = if request.verbose { &u8::MAX } else { &0 };
    loader
        .btf(btf)
        .override_global(global::OFFSETS, as_bytes(offsets), true)
        .override_global(global::CLASSIC_FORMAT, as_bytes(format), true)
        .override_global(global::FILTER, as_bytes(&request.filter), true)
        .override_global(global::LOG_LEVEL, level, true)
        .map_max_entries(map::EVENTS, request.ring_bytes)
        .load(OBJECT)
        .map_err(|error| anyhow!(error))
}

/// What the user can do about a refusal.
fn advice() -> &'static str {
    if rustix::process::geteuid().is_root() {
        ""
    } else {
        "; run it as root (sudo rnetstat-trace) or with CAP_BPF and CAP_PERFMON"
    }
}
