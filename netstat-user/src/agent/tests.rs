//! The loop with sources, outputs and commands of the tests' own.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    convert::Infallible,
    io::{BufRead as _, BufReader},
    rc::Rc,
};

use super::*;
use crate::{
    filter::{FamilyFilter, Filter, OwnerFilter},
    format,
    model::{
        Comm, Ended, Endpoint, Event, Family, Loss, LossKind, LossPlace, Moment, Owner, OwnerHow, Protocol,
        Row, Snapshot, SnapshotError, SnapshotKind, SockId, Source, SourceCapabilities, Started, State,
        Transition,
    },
    options::{Format, MinisockHook, SourceChoice, StateHook},
    output::{
        StreamOptions, StreamOutput, Target,
        memory::{Call, MemoryOutput},
    },
    table::{Retention, Table, TableOptions},
};

/// No snapshots beside the events.
const NO_SNAPSHOTS: Option<Infallible> = None;

/// A test's source: each drain yields the events of one batch. The batch's commands are sent before.
struct Script {
    batches: VecDeque<Batch>,
    commands: CommandSender,
    /// The loop's calls to the source.
    log: Rc<RefCell<Vec<String>>>,
    can_seek: bool,
    /// The time of the newest event.
    seen_until: Moment,
}

#[derive(Default)]
pub(super) struct Batch {
    pub(super) before: Vec<Command>,
    pub(super) events: Vec<Event>,
}

fn moment(mono_ns: u64) -> Moment {
    Moment { mono_ns, unix_ns: 0 }
}

impl EventSource for Script {
    fn started(&self) -> Started {
        let (hooks, missing) = (Vec::new(), Vec::new());
        Started { at: moment(0), source: Source::Ebpf, kernel: String::new(), hooks, missing }
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            source: Source::Ebpf,
            tuples: false,
            minisocks: false,
            resets_sent: false,
            syn_retransmits: false,
        }
    }

    fn now(&self) -> Moment {
        moment(0)
    }

    async fn ready(&mut self) {
        // The commands of the last batch are executed before the next one comes.
        sleep(Duration::from_millis(2)).await;
    }

    fn drain(&mut self, apply: impl FnMut(Event)) -> Moment {
        match self.batches.pop_front() {
            Some(batch) => {
                let until = batch.events.iter().filter_map(Event::at).max();
                self.seen_until = until.map_or(self.seen_until, |until| until.max(self.seen_until));
                batch.events.into_iter().for_each(apply);
                if let Some(next) = self.batches.front_mut() {
                    next.before.drain(..).for_each(|command| self.commands.send(command));
                }
            }
            None => self.commands.send(Command::Quit),
        }
        self.seen_until
    }

    fn finish(self, _: impl FnMut(Event)) {}

    fn set_paused(&mut self, is_paused: bool) {
        self.log.borrow_mut().push(format!("paused {is_paused}"));
    }

    fn seek(&mut self, to: Moment) -> bool {
        self.log.borrow_mut().push(format!("seek {}", to.mono_ns));
        self.can_seek
    }
}

pub(super) fn options() -> TraceOptions {
    TraceOptions {
        format: Format::Json,
        color: false,
        filter: Filter::default(),
        filter_may_change: true,
        duration: None,
        count: None,
        source: SourceChoice::Auto,
        poll_interval: Duration::from_secs(1),
        proc_root: "/proc".into(),
        verbose: false,
        ring_bytes: Some(4096),
        memory_limit: None,
        state_hook: StateHook::Auto,
        minisock_hook: MinisockHook::Auto,
        existing: false,
        table_size: 1_000_000,
        reconcile_interval: Duration::from_secs(60),
    }
}

/// A connection's first transition; an odd number makes it an IPv6 connection.
pub(super) fn opens(number: u64) -> Event {
    let is_v6 = number % 2 == 1;
    let addr = if is_v6 { "::1".parse().unwrap() } else { "127.0.0.1".parse().unwrap() };
    let end = |port| Endpoint { addr, port };
    Event::Transition(Transition {
        at: moment(number),
        sock: SockId { sk: number + 1, cookie: number + 1 },
        family: if is_v6 { Family::Ipv6 } else { Family::Ipv4 },
        protocol: Protocol::Tcp,
        old: State::Close,
        new: State::SynSent,
        local: end(4000),
        remote: end(80),
        process: None,
        netns: Some(1),
        cgroup: None,
        has_socket: Some(true),
        error: Some(0),
        soft_error: 0,
        fin_is_acknowledged: false,
        connect_failed: false,
        kernel_tcp_stats: None,
        interface: None,
    })
}

/// A row of a first transition.
pub(super) fn first_row() -> Row {
    let mut table = Table::new(TableOptions {
        capabilities: SourceCapabilities {
            source: Source::Ebpf,
            tuples: false,
            minisocks: false,
            resets_sent: false,
            syn_retransmits: false,
        },
        limit: 1,
        retention: Retention::All,
        omits_states: false,
        owner_policy: |_, _| true,
        process_start: |_| Some(0),
    });
    let mut rows = Vec::new();
    table.apply(&opens(0), &mut |row| rows.push(*row));
    rows[0]
}

pub(super) fn run_script(
    options: &TraceOptions,
    batches: Vec<Batch>,
    can_seek: bool,
    outputs: Vec<Box<dyn Output>>,
) -> (anyhow::Result<Vec<OutputSummary>>, Vec<String>) {
    run_with_snapshots(NO_SNAPSHOTS, options, batches, can_seek, outputs)
}

fn run_with_snapshots(
    snapshots: Option<impl SnapshotSource>,
    options: &TraceOptions,
    batches: Vec<Batch>,
    can_seek: bool,
    outputs: Vec<Box<dyn Output>>,
) -> (anyhow::Result<Vec<OutputSummary>>, Vec<String>) {
    let (sender, receiver) = commands();
    let log = Rc::default();
    let (batches, seen_until) = (batches.into(), moment(0));
    let source = Script { batches, commands: sender, log: Rc::clone(&log), can_seek, seen_until };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(run(options, source, snapshots, outputs, receiver));
    let log = log.borrow().clone();
    (result, log)
}

fn events(numbers: std::ops::Range<u64>) -> Batch {
    Batch { before: Vec::new(), events: numbers.map(opens).collect() }
}

pub(super) fn numbers(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.at.mono_ns).collect()
}

#[test]
fn a_blocked_output_causes_no_loss_in_the_others_and_its_losses_are_exact() {
    const ROWS: u64 = 5_000;
    let (reader, writer) = std::io::pipe().unwrap();
    let stream = StreamOutput::new(
        format::new(Format::Json, false),
        Target::Pipe(writer, 256 << 10),
        StreamOptions::default(),
    );
    let memory = MemoryOutput::default();
    let batches = (0..ROWS / 100).map(|batch| events(batch * 100..(batch + 1) * 100)).collect();
    let (result, _) =
        run_script(&options(), batches, false, vec![Box::new(stream), Box::new(memory.clone())]);
    let summaries = result.unwrap();

    assert_eq!(numbers(&memory.rows()), (0..ROWS).collect::<Vec<_>>(), "the other output has every row");
    let lost = memory.calls.borrow().iter().filter(|call| matches!(call, Call::Lost(_))).count();
    assert_eq!(lost, 0, "one output's loss is not reported to another");
    let stuck = &summaries[0];
    assert_eq!((stuck.name, stuck.given), ("stdout", ROWS));
    assert!(stuck.dropped > 0 && stuck.delivered < ROWS - stuck.dropped, "{stuck:?}");
    // What was not dropped waits in the pipe and in the queue. A reader then receives exactly that.
    let transitions = BufReader::new(reader).lines().map(Result::unwrap);
    let read = transitions.filter(|line| line.contains("\"transition\"")).count() as u64;
    assert_eq!(read + stuck.dropped, ROWS);
}

#[test]
fn the_trace_ends_when_one_output_is_done_and_all_outputs_are_ended() {
    let (one, other) = (MemoryOutput { count: 3, ..MemoryOutput::default() }, MemoryOutput::default());
    let outputs: Vec<Box<dyn Output>> = vec![Box::new(one.clone()), Box::new(other.clone())];
    let (result, _) = run_script(&options(), vec![events(0..2), events(2..9), events(9..20)], false, outputs);
    assert_eq!(result.unwrap().iter().map(|summary| summary.given).collect::<Vec<_>>(), [3, 9]);
    for (output, transitions) in [(one, 3), (other, 9)] {
        let calls = output.calls.borrow();
        let Some(Call::End(Ended { transitions: counted, .. })) = calls.last() else { panic!("{calls:?}") };
        assert_eq!(*counted, transitions);
    }
}

#[test]
fn losses_before_the_outputs_are_reported_to_all_of_them() {
    let (one, other) = (MemoryOutput::default(), MemoryOutput::default());
    let loss = Loss { at: moment(1), count: 7, place: LossPlace::Ring, what: LossKind::Transitions };
    let batch = Batch { before: Vec::new(), events: vec![Event::Lost(loss)] };
    run_script(&options(), vec![batch], false, vec![Box::new(one.clone()), Box::new(other.clone())])
        .0
        .unwrap();
    for output in [one, other] {
        let calls = output.calls.borrow();
        assert_eq!(calls[1], Call::Lost(loss));
        assert!(matches!(calls.last(), Some(Call::End(Ended { lost: Some(7), .. }))), "{calls:?}");
    }
}

/// Snapshots whose thread has ended.
struct EndedSnapshots {
    requests: Rc<Cell<u32>>,
    error: Option<SnapshotError>,
}

impl SnapshotSource for EndedSnapshots {
    fn request(&self, _: SnapshotKind) {
        self.requests.set(self.requests.get() + 1);
    }

    async fn next(&mut self) -> Result<Snapshot, SnapshotError> {
        match self.error.take_if(|_| self.requests.get() > 0) {
            Some(error) => Err(error),
            None => std::future::pending().await,
        }
    }
}

#[test]
fn when_snapshots_have_ended_all_outputs_get_one_loss_and_the_trace_continues_without_them() {
    let (kind, why, requests) = (SnapshotKind::Full, "it has ended".to_owned(), Rc::default());
    let error = SnapshotError { kind, at: moment(1), why, may_recover: false };
    let snapshots = EndedSnapshots { requests: Rc::clone(&requests), error: Some(error) };
    let (one, other) = (MemoryOutput::default(), MemoryOutput { existing: true, ..MemoryOutput::default() });
    let outputs: Vec<Box<dyn Output>> = vec![Box::new(one.clone()), Box::new(other.clone())];
    let batches = (0..50).map(|number| events(number..number + 1)).collect();
    run_with_snapshots(Some(snapshots), &options(), batches, false, outputs).0.unwrap();

    assert_eq!(requests.get(), 1);
    let loss = Loss { at: moment(1), count: 1, place: LossPlace::Snapshot, what: LossKind::Snapshots };
    for output in [one, other] {
        let calls = output.calls.borrow();
        let losses: Vec<&Call> = calls.iter().filter(|call| matches!(call, Call::Lost(_))).collect();
        assert_eq!(losses, [&Call::Lost(loss)]);
        assert_eq!(numbers(&output.rows()), (0..50).collect::<Vec<_>>());
        assert!(
            matches!(calls.last(), Some(Call::End(Ended { lost: Some(0), .. }))),
            "no transition is lost"
        );
    }
}

#[test]
fn a_failed_poll_is_a_lost_snapshot_and_ends_no_connection() {
    let memory = MemoryOutput::default();
    let (kind, at, why) = (SnapshotKind::Full, moment(2), "no".to_owned());
    let failed = Event::PollFailed(SnapshotError { kind, at, why, may_recover: true });
    let batches = vec![events(0..2), Batch { before: Vec::new(), events: vec![failed] }];
    run_script(&options(), batches, false, vec![Box::new(memory.clone())]).0.unwrap();
    let calls = memory.calls.borrow();
    let loss = Loss { at, count: 1, place: LossPlace::Snapshot, what: LossKind::Snapshots };
    assert!(calls.contains(&Call::Lost(loss)), "{calls:?}");
    assert_eq!((*memory.connections.borrow(), memory.rows().len()), (2, 2));
}

#[test]
fn rows_are_withheld_and_counted_while_paused_and_the_table_goes_on() {
    let memory = MemoryOutput::default();
    let batches = vec![
        events(0..2),
        Batch { before: vec![Command::Pause(true)], ..events(2..5) },
        Batch { before: vec![Command::Pause(false)], ..events(5..6) },
    ];
    let (result, log) = run_script(&options(), batches, false, vec![Box::new(memory.clone())]);
    result.unwrap();
    assert_eq!(numbers(&memory.rows()), [0, 1, 5]);
    let withheld = memory.withheld.borrow();
    assert!(withheld.contains(&Some(3)) && withheld.last() == Some(&None), "{withheld:?}");
    assert_eq!(*memory.connections.borrow(), 6);
    assert_eq!(log, ["paused true", "paused false"]);
}

#[test]
fn a_filter_that_may_change_changes_and_a_fixed_one_stays() {
    let only_v6 = Filter { family: FamilyFilter(Some(Family::Ipv6)), ..Filter::default() };
    for (filter_may_change, expected) in [(true, &[0, 1, 3][..]), (false, &[0, 1, 2, 3])] {
        let memory = MemoryOutput::default();
        let change = Command::SetFilter(Box::new(only_v6.clone()));
        let batches = vec![events(0..2), Batch { before: vec![change], ..events(2..4) }];
        let options = TraceOptions { filter_may_change, ..options() };
        run_script(&options, batches, false, vec![Box::new(memory.clone())]).0.unwrap();
        assert_eq!(numbers(&memory.rows()), expected);
    }
}

#[test]
fn transitions_that_are_withheld_because_their_owner_is_not_known_are_counted() {
    let owner = OwnerFilter::new(vec![7], Vec::new(), Vec::new());
    let event = |number| match opens(number) {
        Event::Transition(change) if number % 3 == 0 => {
            let owner = Owner {
                pid: 7,
                comm: Comm::default(),
                uid: Some(0),
                started_ns: None,
                how: OwnerHow::Connect,
            };
            Event::Transition(Transition { process: Some(owner), ..change })
        }
        event => event,
    };
    let only_v4 = FamilyFilter(Some(Family::Ipv4));
    for (family, unknown) in [(FamilyFilter::default(), 6), (only_v4, 3)] {
        let filter = Filter { family, owner: owner.clone(), ..Filter::default() };
        let memory = MemoryOutput::default();
        let batch = Batch { before: Vec::new(), events: (0..9).map(event).collect() };
        let options = TraceOptions { filter, ..options() };
        run_script(&options, vec![batch], false, vec![Box::new(memory.clone())]).0.unwrap();
        let calls = memory.calls.borrow();
        let Some(Call::End(Ended { owner_unknown, .. })) = calls.last() else { panic!("{calls:?}") };
        assert_eq!(*owner_unknown, unknown);
    }
}

#[test]
fn a_filter_that_may_change_is_not_given_to_the_kernel() {
    let only_v6 = Filter { family: FamilyFilter(Some(Family::Ipv6)), ..Filter::default() };
    let options = TraceOptions { filter: only_v6, ..options() };
    let all = netstat_ebpf::wire::Filter::ALL;
    assert_eq!(options.kernel_filter(), all);
    assert_ne!(TraceOptions { filter_may_change: false, ..options }.kernel_filter(), all);
}

#[test]
fn seeking_forgets_the_connections_of_the_other_time_if_the_source_can_seek() {
    for (can_seek, connections) in [(true, 1), (false, 3)] {
        let memory = MemoryOutput::default();
        let batches = vec![events(0..2), Batch { before: vec![Command::Seek(moment(9))], ..events(2..3) }];
        let (result, log) = run_script(&options(), batches, can_seek, vec![Box::new(memory.clone())]);
        result.unwrap();
        assert_eq!((*memory.connections.borrow(), log), (connections, vec!["seek 9".to_owned()]));
    }
}
