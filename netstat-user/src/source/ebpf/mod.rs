//! The eBPF source: loads the programs into the kernel and reads their ring buffer.

pub(crate) mod attach_types;
mod attempts;
pub(crate) mod btf;
pub(crate) mod classic_format;
pub(crate) mod decode;
pub(crate) mod hooks;
pub(crate) mod kallsyms;
mod load;
mod losses;
mod memory_need;
mod object;
pub(crate) mod offsets;
mod parallel;
mod process_name;
pub(crate) mod reset_causes;
mod ring_position;
pub(crate) mod snapshot;
mod uname;
mod verbose;
mod wakeup_policy;

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
    decode::{Decoder, UnknownRecord},
    load::Loaded,
    losses::LossMonitor,
    process_name::ProcessNames,
    ring_position::RingPosition,
    wakeup_policy::{Wait, WakeupPolicy},
};
use super::{EventSource, clock, memory};
use crate::model::{
    Event, LossesUncounted, Missing, Moment, Source, SourceCapabilities, Started, State, Text,
};

/// How many records a drain takes at most before the loop handles signals and commands again.
const DRAIN_LIMIT: usize = 16_384;
/// At the default niceness the processes that cause a burst of connections would keep the reader from the CPU until the
/// ring is full.
const NICENESS: i32 = -10;
/// What the reader needs once the programs are loaded: before 5.19 every `bpf()`, so also the one that reads the
/// counters of losses, takes CAP_BPF.
pub const PRIVILEGES: CapabilitySet = CapabilitySet::BPF;
/// How often the counters of losses are checked while events arrive.
const LOSS_INTERVAL: Duration = Duration::from_millis(100);
/// How long the end waits for records that a processor has begun, and how often it looks.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);
const FINISH_INTERVAL: Duration = Duration::from_millis(1);
/// How many checks of the counters follow an event: a skipped run is reported by the second that finds it.
const LOSS_CHECKS: u8 = 2;

/// The eBPF source. The kernel unloads the programs when it is dropped, or when the process ends in any way.
pub struct EbpfSource {
    /// None once the programs are unloaded.
    ebpf: Option<Ebpf>,
    hooks: Vec<(Text, Text)>,
    missing: Vec<Missing>,
    capabilities: SourceCapabilities,
    ring: AsyncFd<RingBuf<MapData>>,
    ring_position: RingPosition,
    /// When all programs were attached. Before that only some of them record.
    attached_at: Moment,
    /// All events until this moment have been passed on.
    seen_until: Moment,
    /// A moment, and where the writers were then or later. Records get their time stamps after their places in the ring: once
    /// the reader is there, all events until the moment have been passed on.
    next_seen_until: Option<(Moment, usize)>,
    decoder: Decoder,
    process_names: ProcessNames,
    losses: LossMonitor,
    /// Whether the last check could count the losses.
    counts_losses: bool,
    losses_checked_at: Instant,
    /// How many checks of the counters are still due after the last event.
    loss_checks_due: u8,
    wakeup_policy: WakeupPolicy,
}

impl EbpfSource {
    /// Loads and attaches the programs, and starts a [`Snapshotter`] if the kernel takes its iterators. It has to be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// The kernel takes no form of the state hook: the error says why, and what to do.
    pub fn start(options: &LoadOptions) -> Result<(Self, Option<Snapshotter>)> {
        // Without CAP_SYS_NICE the niceness stays as it is.
        let _not_allowed = rustix::process::setpriority_process(None, NICENESS);
        clock::check()?;
        let mut attempts = Attempts::default();
        let Loaded {
            mut ebpf,
            missing,
            syn_sent_port,
            minisocks,
            resets_sent,
            syn_retransmits,
            reset_causes,
            state_program,
            snapshotter,
        } = load::load(options, &mut attempts)?;
        // The kernel's BTF took tens of MiB, of which nothing is used any more.
        memory::give_back();
        let attached_at = clock::now();
        let ring = ebpf.take_map(map::EVENTS).context("the eBPF object has no map EVENTS")?;
        let losses = LossMonitor::new(&mut ebpf, state_program)?;
        if options.verbose {
            verbose::forward(&mut ebpf)?;
        }
        let ring = RingBuf::try_from(ring)?;
        let ring_position = RingPosition::map(&ring).context("can't map the positions of the ring")?;
        // SAFETY: the ring owns its descriptor, always returns the same one, and closes it only when it is dropped.
        let ring = unsafe { AsyncFd::register(ring) }?;
        let source = Self {
            ebpf: Some(ebpf),
            hooks: attempts.attached(),
            missing,
            capabilities: SourceCapabilities {
                source: Source::Ebpf,
                tuples: syn_sent_port,
                minisocks,
                resets_sent,
                syn_retransmits,
            },
            ring,
            ring_position,
            attached_at,
            seen_until: attached_at,
            next_seen_until: None,
            decoder: Decoder::new(reset_causes),
            process_names: ProcessNames::of_proc(),
            losses,
            counts_losses: true,
            losses_checked_at: Instant::now(),
            loss_checks_due: 0,
            wakeup_policy: WakeupPolicy::new(),
        };
        Ok((source, snapshotter))
    }

    /// Passes up to `limit` events on and returns how many records there were.
    fn take(&mut self, limit: usize, apply: &mut impl FnMut(Event)) -> usize {
        let now = clock::now();
        let unix_offset_ns = now.unix_ns - now.mono_ns.cast_signed();
        let ring = self.ring.get_mut();
        let mut records = 0;
        while records < limit
            && let Some(record) = ring.next()
        {
            records += 1;
            match self.decoder.event(&record, unix_offset_ns) {
                Ok(None) => {}
                Ok(Some(event)) if is_before_attachment(&event, self.attached_at) => {}
                Ok(Some(mut event)) => {
                    self.process_names.complete(&mut event);
                    apply(event);
                }
                Err(UnknownRecord) => self.losses.count_unknown_record(),
            }
        }
        self.set_seen_until();
        records
    }

    /// Passes on what the programs have recorded until they were unloaded. Waits for records that a processor has reserved
    /// but not finished, because it was interrupted; returns false if one is not finished within [`FINISH_TIMEOUT`].
    fn take_rest(&mut self, apply: &mut impl FnMut(Event)) -> bool {
        let deadline = Instant::now() + FINISH_TIMEOUT;
        loop {
            while self.take(DRAIN_LIMIT, apply) == DRAIN_LIMIT {}
            if self.ring_position.reader_has_reached(self.ring_position.writers()) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(FINISH_INTERVAL);
        }
    }

    /// Sets [`Self::seen_until`] to the present if the reader has read all records, else to the last moment until which it has.
    fn set_seen_until(&mut self) {
        if let Some((moment, position)) = self.next_seen_until
            && self.ring_position.reader_has_reached(position)
        {
            (self.seen_until, self.next_seen_until) = (moment, None);
        }
        if self.next_seen_until.is_none() {
            // The position must not be read before the time.
            let (now, position) = (clock::now(), self.ring_position.writers());
            if self.ring_position.reader_has_reached(position) {
                self.seen_until = now;
            } else {
                self.next_seen_until = Some((now, position));
            }
        }
    }

    /// Returns when the kernel reports that the ring has records.
    async fn wakeup(&mut self) {
        // An error means that the runtime ends; the agent stops then anyway.
        if let Ok(mut guard) = self.ring.readable().await {
            guard.clear_ready();
        }
    }

    fn report_losses(&mut self, apply: &mut impl FnMut(Event)) {
        let now = clock::now();
        let counted = self.losses.check(now, |loss| apply(Event::Lost(loss)));
        let skipped = self.losses.has_skipped_others();
        if skipped == Ok(true) {
            apply(Event::PossibleLoss(now));
        }
        let counted = counted.and(skipped.map(|_| ()));
        if counted.is_ok() != self.counts_losses {
            self.counts_losses = counted.is_ok();
            apply(Event::LossCount(counted));
        }
    }
}

/// Whether the event is from before all programs were attached. A timewait socket is excepted: the kernel creates it just
/// before its full socket closes, and that transition may be seen.
fn is_before_attachment(event: &Event, attached_at: Moment) -> bool {
    let is_timewait = matches!(event, Event::MinisockCreated(created) if created.state != State::SynRecv);
    !is_timewait && event.at().is_some_and(|at| at < attached_at)
}

/// What can't be seen on this kernel, found by a start; the kernel has unloaded the programs on return.
///
/// # Errors
/// As [`EbpfSource::start`].
pub fn probe(options: &LoadOptions, attempts: &mut Attempts) -> Result<Vec<Missing>> {
    Ok(load::load(options, attempts)?.missing)
}

impl EventSource for EbpfSource {
    fn started(&self) -> Started {
        Started {
            at: self.attached_at,
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
        match self.wakeup_policy.wait() {
            Wait::Yield => tokio::task::yield_now().await,
            Wait::Sleep(time) => tokio::time::sleep(time).await,
            Wait::Wakeup if self.loss_checks_due > 0 => {
                // The drain that follows checks the losses, elapsed or not.
                let _ = tokio::time::timeout(LOSS_INTERVAL, self.wakeup()).await;
            }
            Wait::Wakeup => self.wakeup().await,
        }
    }

    fn drain(&mut self, mut apply: impl FnMut(Event)) -> Moment {
        let events = self.take(DRAIN_LIMIT, &mut apply);
        let now = Instant::now();
        if events > 0 {
            self.loss_checks_due = LOSS_CHECKS;
        }
        if self.loss_checks_due > 0 && now.duration_since(self.losses_checked_at) >= LOSS_INTERVAL {
            self.losses_checked_at = now;
            self.loss_checks_due -= 1;
            self.report_losses(&mut apply);
        }
        self.wakeup_policy.drained(now, events, events == DRAIN_LIMIT);
        self.seen_until
    }

    fn request_tuple(&self, sk: u64) {
        if let Some(ebpf) = &self.ebpf {
            // Where the program doesn't run, its set of hooks is reported as missing.
            let _doesnt_run = load::run_for_socket(ebpf, sk);
        }
    }

    fn finish(mut self, mut apply: impl FnMut(Event)) {
        // The programs are unloaded first, so that the ring gets no more records. The kernel takes its time for each fentry
        // program (a second for all on 6.1); meanwhile only the last ones record, and their events are dropped.
        let end = clock::now();
        self.ebpf = None;
        let mut until_end = |event: Event| {
            if event.at().is_none_or(|at| at <= end) {
                apply(event);
            }
        };
        let has_all = self.take_rest(&mut until_end);
        // Twice: a skipped run is reported by the second check that finds it.
        self.report_losses(&mut apply);
        self.report_losses(&mut apply);
        if !has_all {
            let why = "the last records of the kernel's programs were never finished";
            apply(Event::LossCount(Err(LossesUncounted(why.to_owned()))));
        }
    }
}
