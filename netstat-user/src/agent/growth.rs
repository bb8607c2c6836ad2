//! What a trace remembers after a million connections, with each hook missing: counted, not measured.

use std::net::Ipv4Addr;

use super::{tests::options, trace::Trace};
use crate::{
    model::{
        Comm, Endpoint, Event, Family, MinisockCreated, MinisockRemoved, Moment, Owner, OwnerHow, Poll,
        PolledSocket, Protocol, SnapshotError, SnapshotKind, SockId, SocketHandle, Source,
        SourceCapabilities, Started, State, Transition,
    },
    options::TraceOptions,
    source::{EventSource, SnapshotSource},
};

/// Each has two ends in the table, and there are eight tests: a million in all.
const CONNECTIONS: u64 = 62_500;
/// The time from one connection to the next, nanoseconds.
const PERIOD_NS: u64 = 20_000;
/// How many connections are open at the same time. The kernel uses the addresses of their sockets again and again.
const OPEN: u64 = 100;
/// `--table-size`.
const TABLE_SIZE: usize = 3_000;
/// The bound of everything that has no bound of its own.
const BOUND: usize = 2 * TABLE_SIZE + 1_024;

/// What a trace has to do without.
#[derive(Clone, Copy, Debug, Default)]
struct Without {
    tuples: bool,
    minisocks: bool,
    accept: bool,
    /// The RSTs that this host sends.
    resets: bool,
    owners: bool,
    /// Every so-manieth event, which the kernel's ring had no place for.
    lost: Option<usize>,
}

/// What becomes of the requests for snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Snapshots {
    None,
    Fail,
    NeverEnd,
}

struct Requests;

impl SnapshotSource for Requests {
    fn request(&self, _: SnapshotKind) {}

    async fn next(&mut self) -> Result<crate::model::Snapshot, SnapshotError> {
        std::future::pending().await
    }
}

/// The source's description; its events are the test's.
struct Described(SourceCapabilities);

impl EventSource for Described {
    fn started(&self) -> Started {
        let (hooks, missing) = (Vec::new(), Vec::new());
        Started { at: moment(0), source: self.0.source, kernel: String::new(), hooks, missing }
    }

    fn capabilities(&self) -> SourceCapabilities {
        self.0
    }

    fn now(&self) -> Moment {
        moment(0)
    }

    async fn ready(&mut self) {}

    fn drain(&mut self, _: impl FnMut(Event)) -> Moment {
        moment(0)
    }

    fn finish(self, _: impl FnMut(Event)) {}
}

fn moment(mono_ns: u64) -> Moment {
    Moment { mono_ns, unix_ns: 0 }
}

fn endpoint(port: u16) -> Endpoint {
    Endpoint { addr: Ipv4Addr::LOCALHOST.into(), port }
}

fn trace(source: Source, without: Without, snapshots: Snapshots) -> Trace {
    let Without { tuples, minisocks, .. } = without;
    let source = Described(SourceCapabilities {
        source,
        tuples: !tuples,
        minisocks: !minisocks,
        resets_sent: !without.resets,
        syn_retransmits: true,
    });
    let options = TraceOptions { table_size: TABLE_SIZE, ..options() };
    Trace::start(&options, &source, snapshots != Snapshots::None, Vec::new()).unwrap()
}

/// The two ends of the connection with this number begin.
fn opens(number: u64, without: Without) -> Vec<Event> {
    let Pair { client, server, change, .. } = pair(number);
    let (local, remote) = (client.local, server.local);
    let no_port = Endpoint { port: 0, ..local };
    let owner = |how| Owner { pid: 7, comm: Comm::default(), uid: Some(0), started_ns: None, how };
    let process = Some(owner(OwnerHow::Connect)).filter(|_| !without.owners);
    let sock = client.sock;
    let mut events = vec![
        Event::Transition(Transition {
            process,
            local: no_port,
            ..change(&client, State::Close, State::SynSent)
        }),
        Event::Tuple { sock, local, remote, is_observation: false },
        created(number, &server, server.sock.sk + 1, State::SynRecv),
        Event::Transition(change(&server, State::Listen, State::SynRecv)),
        removed(number, server.sock.sk + 1, State::SynRecv),
        Event::Transition(change(&server, State::SynRecv, State::Established)),
        Event::Accept { sock: server.sock, owner: owner(OwnerHow::Accept) },
        Event::Transition(change(&client, State::SynSent, State::Established)),
    ];
    events.retain(|event| is_seen(event, without));
    events
}

/// The client closes first, and its timewait socket soon ends.
fn closes(number: u64, without: Without) -> Vec<Event> {
    let Pair { client, server, change } = pair(number);
    let timewait = client.sock.sk + 1;
    let mut events = vec![
        Event::Transition(change(&client, State::Established, State::FinWait1)),
        Event::Transition(change(&server, State::Established, State::CloseWait)),
        Event::Transition(change(&client, State::FinWait1, State::FinWait2)),
        created(number, &client, timewait, State::FinWait2),
        Event::Transition(change(&client, State::FinWait2, State::Close)),
        Event::Transition(change(&server, State::CloseWait, State::LastAck)),
        created(number, &client, timewait, State::TimeWait),
        Event::Transition(change(&server, State::LastAck, State::Close)),
        removed(number, timewait, State::TimeWait),
    ];
    events.retain(|event| is_seen(event, without));
    events
}

fn is_seen(event: &Event, without: Without) -> bool {
    match event {
        Event::Tuple { .. } => !without.tuples,
        Event::MinisockCreated(_) | Event::MinisockRemoved(_) => !without.minisocks,
        Event::Accept { .. } => !without.accept,
        _ => true,
    }
}

struct PairSocket {
    sock: SockId,
    local: Endpoint,
    remote: Endpoint,
}

struct Pair<F> {
    client: PairSocket,
    server: PairSocket,
    change: F,
}

fn pair(number: u64) -> Pair<impl Fn(&PairSocket, State, State) -> Transition> {
    let sk = number % (2 * OPEN) * 64 + 64;
    let (local, remote) = (endpoint(1_024 + (number % 60_000) as u16), endpoint(80));
    let (cookie, at) = (2 * number + 1, moment(number * PERIOD_NS));
    let client = PairSocket { sock: SockId { sk, cookie }, local, remote };
    let server =
        PairSocket { sock: SockId { sk: sk + 32, cookie: cookie + 1 }, local: remote, remote: local };
    let change = move |end: &PairSocket, old, new| Transition {
        at,
        sock: end.sock,
        family: Family::Ipv4,
        protocol: Protocol::Tcp,
        old,
        new,
        local: end.local,
        remote: end.remote,
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
    };
    Pair { client, server, change }
}

fn created(number: u64, end: &PairSocket, sk: u64, state: State) -> Event {
    Event::MinisockCreated(MinisockCreated {
        at: moment(number * PERIOD_NS),
        sock: SockId { sk, cookie: 0 },
        state,
        is_observation: false,
        family: Family::Ipv4,
        local: end.local,
        remote: end.remote,
        netns: 1,
        listener: None,
        interface: None,
    })
}

fn removed(number: u64, sk: u64, state: State) -> Event {
    Event::MinisockRemoved(MinisockRemoved {
        at: moment(number * PERIOD_NS),
        sk,
        state,
        expired: true,
        cause: None,
        listener_has_closed: false,
    })
}

/// Traces the connections, and checks the sizes as it goes.
fn traced(without: Without, snapshots: Snapshots) {
    let mut trace = trace(Source::Ebpf, without, snapshots);
    let mut events = 0;
    for number in 0..CONNECTIONS {
        let closing = number.checked_sub(OPEN).map_or_else(Vec::new, |number| closes(number, without));
        for event in closing.into_iter().chain(opens(number, without)) {
            events += 1;
            if without.lost.is_none_or(|period| events % period != 0) {
                trace.apply(&event);
            }
        }
        if number % 64 == 0 {
            let now = moment(number * PERIOD_NS);
            trace.request_snapshot(now, &Requests);
            if snapshots == Snapshots::Fail {
                let (kind, why) = (SnapshotKind::Full, "no".to_owned());
                trace.snapshot_taken(Err(SnapshotError { kind, at: now, why, may_recover: true }));
            }
            trace.tick(now);
        }
        if number % 4_096 == 0 {
            is_bounded(&trace, &format!("{without:?}, snapshots: {snapshots:?}"));
        }
    }
    is_bounded(&trace, &format!("{without:?}, snapshots: {snapshots:?}, at the end"));
    let end = trace.sizes();
    assert!(without.lost.is_some() || end[0].1 <= 4 * OPEN as usize, "{end:?}");
}

fn is_bounded(trace: &Trace, when: &str) {
    for (what, size) in trace.sizes() {
        let bound = match what {
            // A second of connections, and the bound that its own test checks.
            "created timewait sockets" | "the same in order" => (2_000_000_000 / PERIOD_NS) as usize,
            "tombstones" => 500_000,
            "sockets that changed last" => 65_536,
            _ => BOUND,
        };
        assert!(size <= bound, "{when}: {size} {what}");
    }
}

#[test]
fn a_trace_with_all_hooks_and_no_snapshots_remembers_open_connections_only() {
    traced(Without::default(), Snapshots::None);
}

#[test]
fn a_trace_whose_snapshots_fail_remembers_open_connections_only() {
    traced(Without { accept: true, ..Without::default() }, Snapshots::Fail);
}

#[test]
fn a_trace_whose_snapshots_never_end_remembers_open_connections_only() {
    traced(Without { accept: true, owners: true, ..Without::default() }, Snapshots::NeverEnd);
}

#[test]
fn a_trace_without_the_ports_of_connecting_sockets_remembers_open_connections_only() {
    traced(Without { tuples: true, accept: true, ..Without::default() }, Snapshots::None);
}

#[test]
fn a_trace_without_minisockets_remembers_open_connections_only() {
    traced(Without { minisocks: true, ..Without::default() }, Snapshots::None);
}

#[test]
fn a_trace_with_transitions_alone_remembers_open_connections_only() {
    traced(
        Without { tuples: true, minisocks: true, accept: true, resets: true, owners: true, lost: None },
        Snapshots::None,
    );
}

#[test]
fn a_trace_that_loses_events_and_takes_no_snapshots_remembers_no_more_than_its_table_holds() {
    traced(Without { lost: Some(7), accept: true, ..Without::default() }, Snapshots::None);
}

#[test]
fn a_trace_that_polls_remembers_the_sockets_of_the_last_poll_only() {
    const SOCKETS: u64 = 2_500;
    let without = Without { tuples: true, minisocks: true, accept: true, ..Without::default() };
    let mut trace = trace(Source::Proc, without, Snapshots::None);
    for poll in 0..CONNECTIONS / SOCKETS {
        let socket = |number: u64| PolledSocket {
            state: State::Established,
            local: endpoint(80),
            remote: Some(endpoint(1_024 + (number % 60_000) as u16)),
            handle: SocketHandle::new(number + 1),
            owner: None,
            uid: Some(0),
            netns: Some(1),
        };
        let at = moment(poll * 1_000_000_000);
        let sockets = (poll * SOCKETS..(poll + 1) * SOCKETS).map(socket).collect();
        trace.apply(&Event::Poll(Box::new(Poll { at, sockets, ..Poll::default() })));
        trace.tick(at);
        is_bounded(&trace, "polls");
    }
}
