//! The kernel's own events: loads the programs and reads their ring.

mod attach_types;
mod attempts;
mod btf;
mod classic_format;
mod decode;
mod hooks;
mod kallsyms;
mod load;
mod losses;
mod object;
mod offsets;
mod own;
mod pace;
mod parallel;
mod preemption;
mod snapshot;
mod uname;
mod unread;
mod verbose;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{MapData, RingBuf},
};
use netstat_ebpf::wire::map;
use rustix::thread::CapabilitySet;
use tokio::io::unix::AsyncFd;

pub use attempts::{Attempt, Attempts, Outcome};
pub use hooks::{HookSet, Remedy, sets};
pub use load::memlock;
pub use object::LoadOptions;
pub use snapshot::{Snapshotter, in_initial_pid_namespace, socket_files};
pub use uname::kernel;

use self::{
    load::Loaded,
    losses::Losses,
    own::Own,
    pace::{Pace, Wait},
    unread::Unread,
};
use super::{EventSource, clock};
use crate::model::{Event, Missing, Moment, Source, SourceCapabilities, Started, State, Text};

/// As many records a drain takes before the loop may look at signals again.
const DRAIN_LIMIT: usize = 16_384;
/// A storm of connections would keep its own reader from the CPU until the ring is full.
const NICENESS: i32 = -10;
/// What the source's reader needs after the load: before 5.19 every `bpf()`, and so a look at the counters of
/// losses, asks for CAP_BPF.
pub const PRIVILEGES: CapabilitySet = CapabilitySet::BPF;
/// How often the counters of losses are looked at while events come.
const LOSS_INTERVAL: Duration = Duration::from_millis(100);
/// How many looks at the counters follow an event: what was on its way at the first is told by the second.
const LOOKS_FOR_LOSSES: u8 = 2;

/// The eBPF source. The programs leave the kernel with it, or with the process, however that ends.
pub struct EbpfSource {
    /// None once the programs have left.
    ebpf: Option<Ebpf>,
    hooks: Vec<(Text, Text)>,
    missing: Vec<Missing>,
    capabilities: SourceCapabilities,
    ring: AsyncFd<RingBuf<MapData>>,
    unread: Unread,
    /// When all programs were at work. What some of them told before is not the whole of it.
    began: Moment,
    /// Until when every event has been handed over.
    seen_until: Moment,
    own: Own,
    losses: Losses,
    losses_looked_at: Instant,
    /// How many looks at the counters the last events still want.
    looks_for_losses: u8,
    pace: Pace,
}

impl EbpfSource {
    /// Loads and attaches, and what looks at all sockets where the kernel takes that. Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// The kernel takes no form of the state hook: the error says why, and what to do.
    pub fn start(request: &LoadOptions) -> Result<(Self, Option<Snapshotter>)> {
        // Without CAP_SYS_NICE it reads as it is.
        let _not_allowed = rustix::process::setpriority_process(None, NICENESS);
        let mut attempts = Attempts::default();
        let Loaded { mut ebpf, missing, syn_sent_port, minisocks, state_program, snapshotter } =
            load::load(request, &mut attempts)?;
        let began = clock::now();
        let ring = ebpf.take_map(map::EVENTS).context("the eBPF object has no map EVENTS")?;
        let losses = Losses::new(&mut ebpf, state_program)?;
        if request.verbose {
            verbose::forward(&mut ebpf)?;
        }
        let ring = RingBuf::try_from(ring)?;
        let unread = Unread::of(&ring).context("can't map the positions of the ring")?;
        // SAFETY: the ring owns its descriptor, never gives another, and closes it only with itself.
        let ring = unsafe { AsyncFd::register(ring) }?;
        let source = Self {
            ebpf: Some(ebpf),
            hooks: attempts.attached(),
            missing,
            capabilities: SourceCapabilities { source: Source::Ebpf, tuples: syn_sent_port, minisocks },
            ring,
            unread,
            began,
            seen_until: began,
            own: Own::new(),
            losses,
            losses_looked_at: Instant::now(),
            looks_for_losses: 0,
            pace: Pace::new(),
        };
        Ok((source, snapshotter))
    }

    /// Hands over up to `limit` events; says how many there were. [`Self::seen_until`] moves on.
    fn take(&mut self, limit: usize, apply: &mut impl FnMut(Event)) -> usize {
        let now = clock::now();
        let unix_offset_ns = now.unix_ns - now.mono_ns.cast_signed();
        let ring = self.ring.get_mut();
        let mut events = 0;
        while events < limit
            && let Some(record) = ring.next()
        {
            events += 1;
            if let Some(event) = decode::event(&record, unix_offset_ns, &self.own)
                && !is_of_before(&event, self.began)
            {
                self.seen_until = event.at().map_or(self.seen_until, |at| at.max(self.seen_until));
                apply(event);
            }
        }
        if !self.unread.exist() {
            self.seen_until = now.max(self.seen_until);
        }
        events
    }

    /// Returns when the kernel says that there is something in the ring.
    async fn wakeup(&mut self) {
        // An error here would be the runtime's end; the agent stops then anyway.
        if let Ok(mut guard) = self.ring.readable().await {
            guard.clear_ready();
        }
    }

    fn report_losses(&mut self, apply: &mut impl FnMut(Event)) {
        self.losses.look(clock::now(), |loss| apply(Event::Lost(loss)));
        if self.losses.may_have_lost() {
            apply(Event::PossibleLoss);
        }
    }
}

/// Whether a part of the programs saw this before all were at work. A timewait socket is let pass: it may have started
/// just before its full socket closes.
fn is_of_before(event: &Event, began: Moment) -> bool {
    let is_rest = matches!(event, Event::MinisockCreated(start) if start.state != State::SynRecv);
    !is_rest && event.at().is_some_and(|at| at < began)
}

/// What a start would come to, found out by starting; all of it has left the kernel on return.
///
/// # Errors
/// As [`EbpfSource::start`].
pub fn probe(request: &LoadOptions, attempts: &mut Attempts) -> Result<Vec<Missing>> {
    Ok(load::load(request, attempts)?.missing)
}

impl EventSource for EbpfSource {
    fn started(&self) -> Started {
        Started {
            at: self.began,
            source: Source::Ebpf,
            kernel: kernel().0,
            hooks: self.hooks.clone(),
            missing: self.missing.clone(),
        }
    }

    fn capabilities(&self) -> SourceCapabilities {
        self.capabilities
    }

    fn now(&self) -> Moment {
        clock::now()
    }

    async fn ready(&mut self) {
        match self.pace.wait() {
            Wait::More => tokio::task::yield_now().await,
            Wait::Nap(nap) => tokio::time::sleep(nap).await,
            Wait::Wakeup if self.looks_for_losses > 0 => {
                // Elapsed or not: the losses are looked at.
                let _ = tokio::time::timeout(LOSS_INTERVAL, self.wakeup()).await;
            }
            Wait::Wakeup => self.wakeup().await,
        }
    }

    fn drain(&mut self, mut apply: impl FnMut(Event)) -> Moment {
        let events = self.take(DRAIN_LIMIT, &mut apply);
        let now = Instant::now();
        if events > 0 {
            self.looks_for_losses = LOOKS_FOR_LOSSES;
        }
        if self.looks_for_losses > 0 && now.duration_since(self.losses_looked_at) >= LOSS_INTERVAL {
            self.losses_looked_at = now;
            self.looks_for_losses -= 1;
            self.report_losses(&mut apply);
        }
        self.pace.drained(now, events, events == DRAIN_LIMIT);
        self.seen_until
    }

    fn finish(mut self, mut apply: impl FnMut(Event)) {
        // The programs go first, so that the ring has an end. Where the kernel waits for each of fentry's (a
        // second for all on 6.1), the last ones tell of a part of what happens: that is left out.
        let end = clock::now();
        self.ebpf = None;
        let mut until_end = |event: Event| {
            if event.at().is_none_or(|at| at <= end) {
                apply(event);
            }
        };
        while self.take(DRAIN_LIMIT, &mut until_end) == DRAIN_LIMIT {}
        // Twice: what was on its way at the last look has arrived or is lost.
        self.report_losses(&mut apply);
        self.report_losses(&mut apply);
    }
}
