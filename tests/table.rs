//! The stream yields the table that `ss` lists: in every namespace, at any time, and again after losses.

#![cfg(target_os = "linux")]

use std::{collections::BTreeSet, net::SocketAddr, thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, ensure};
use netstat_tests::{
    churn::{CpuPair, churn},
    history::{self, Tuple},
    netns::Namespace,
    oracle::Oracle,
    output::Destination,
    proc_tcp,
    scenario::TestNet,
    skip,
    sock::Sock,
    ss,
    state::State,
    state_path::existing_so_far,
    stream_table::{self, Change},
    trace::Trace,
    tracer::Tracer,
    unobserved::Unobserved,
    wait,
    wait::monotonic_ns,
    wire::Wire,
};

/// How many histories of a load may be left out as unobserved: one in a hundred of those of 20,000 connections. Between 2 and
/// 8 of 200,000 transitions are made in the context of process 1 on an idle machine, and up to 40 while process 1 is busy.
const MAX_UNOBSERVED: usize = 400;
/// How many times the tables are compared during a load.
const MOMENTS: usize = 20;
/// How many traces start during one load.
const STARTS: usize = 5;
/// The buffer of each CPU, KiB: more than the busiest CPU records in this file's loads.
const RECORD_KIB: u32 = 64 << 10;

#[test]
fn during_a_mixed_load_the_stream_yields_the_table_that_ss_lists_at_20_moments() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (net, other) = (TestNet::new()?, TestNet::new()?);
    let wire = Wire::new(&net)?;
    let namespaces = [&net.netns, &other.netns, &wire.far];
    let mut oracle = Oracle::start(RECORD_KIB, &[&net.addresses, &other.addresses])?;
    let tracer = Tracer::start_into(Destination::File, &[])?;
    let listeners = [net.netns.run(|| net.listener())?, other.netns.run(|| other.listener())?];
    let six = net.netns.run(|| Sock::listening(net.addresses.server_v6(), 8))?;
    let far = wire.listen()?;
    let answered = net.netns.run(|| Sock::connected(wire.address))?;
    wire.relay.cut_backward(true);
    let unanswered = half_open(&net, &wire)?;

    let snapshots = thread::scope(|scope| {
        let loads = [
            scope.spawn(|| load(&net, net.addresses.server(), &listeners[0], 1)),
            scope.spawn(|| load(&net, net.addresses.server_v6(), &six, 2)),
            scope.spawn(|| load(&other, other.addresses.server(), &listeners[1], 3)),
        ];
        let snapshots = (0..MOMENTS)
            .map(|number| {
                thread::sleep(Duration::from_millis(40 + u64::try_from(number * 37 % 90)?));
                SsSnapshot::take(&namespaces)
            })
            .collect::<Result<Vec<_>>>();
        for load in loads {
            load.join().map_err(|_| anyhow!("a load panicked"))??;
        }
        snapshots
    })?;
    let at_end = SsSnapshot::take(&namespaces)?;
    wire.relay.cut_backward(false);
    drop((listeners, six, far, answered, unanswered));
    let record = history::completed(&mut oracle, &[&net.addresses, &other.addresses])?;
    let (trace, unobserved) = (tracer.stop()?, Unobserved::in_record(&record, MAX_UNOBSERVED)?);
    is_complete(&trace, &unobserved, &namespaces)?;
    let changes = stream_table::changes(&trace.stdout)?;
    let mut compared = 0;
    for (number, snapshot) in snapshots.iter().chain([&at_end]).enumerate() {
        compared += snapshot
            .compare_with(&changes, &unobserved)
            .with_context(|| format!("at moment {number} of {MOMENTS}"))?;
    }
    ensure!(compared > 10 * MOMENTS, "only {compared} sockets were compared");
    Ok(())
}

#[test]
fn after_20_000_connections_the_stream_yields_the_table_that_ss_lists() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let mut oracle = Oracle::start(RECORD_KIB, &[&net.addresses])?;
    let tracer = Tracer::start_into(Destination::File, &[])?;
    churn(
        &net.netns,
        &net.addresses,
        10_000,
        &[CpuPair { client: 0, server: 0 }, CpuPair { client: 0, server: 0 }],
    )?;
    let record = history::completed(&mut oracle, &[&net.addresses])?;
    let at_end = SsSnapshot::take(&[&net.netns])?;
    let (trace, unobserved) = (tracer.stop()?, Unobserved::in_record(&record, MAX_UNOBSERVED)?);
    is_complete(&trace, &unobserved, &[&net.netns])?;
    let compared = at_end.compare_with(&stream_table::changes(&trace.stdout)?, &unobserved)?;
    ensure!(compared > 10_000, "only {compared} sockets were compared");
    Ok(())
}

#[test]
fn traces_started_during_a_load_yield_the_table_that_ss_lists_after_one_snapshot() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let mut oracle = Oracle::start(RECORD_KIB, &[&net.addresses])?;
    let pairs = [CpuPair { client: 0, server: 0 }, CpuPair { client: 1, server: 1 }];
    let tracers = thread::scope(|scope| {
        let load = scope.spawn(|| churn(&net.netns, &net.addresses, 10_000, &pairs));
        // The ring buffer can hold the whole load: the traces share two CPUs with it, so they may read late.
        let arguments = ["--existing", "--reconcile-interval", "1h", "--ring-size", "64M"];
        let tracers: Result<Vec<Tracer>> =
            (0..STARTS).map(|_| Tracer::start_into(Destination::File, &arguments)).collect();
        load.join().map_err(|_| anyhow!("the load panicked"))??;
        tracers
    })?;
    let record = history::completed(&mut oracle, &[&net.addresses])?;
    let (at_end, unobserved) =
        (SsSnapshot::take(&[&net.netns])?, Unobserved::in_record(&record, MAX_UNOBSERVED)?);
    for tracer in tracers {
        let trace = tracer.stop()?;
        is_complete(&trace, &unobserved, &[&net.netns])?;
        at_end.compare_with(&stream_table::changes(&trace.stdout)?, &unobserved)?;
    }
    Ok(())
}

#[test]
fn after_losses_one_snapshot_repairs_the_table() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let held = net.netns.run(|| net.pair_v6())?;
    let tracer = Tracer::start_into(Destination::File, &["--existing", "--ring-size", "4KiB"])?;
    churn(
        &net.netns,
        &net.addresses,
        5_000,
        &[CpuPair { client: 0, server: 1 }, CpuPair { client: 1, server: 0 }],
    )?;
    let mut differ = None;
    let at_end = wait::until("the table is what ss shows", || {
        let at_end = SsSnapshot::take(&[&net.netns])?;
        let changes = stream_table::changes(&tracer.lines_so_far()?)?;
        differ = at_end.compare_with(&changes, &Unobserved::default()).err();
        Ok(differ.is_none().then_some(at_end))
    })
    .with_context(|| format!("{differ:?}"))?;
    drop(held);
    let events = tracer.stop()?.events()?;
    ensure!(events.end.is_some_and(|end| end.lost > Some(0)), "the ring was too big: nothing was lost");
    ensure!(!events.repaired.is_empty(), "nothing was repaired");
    ensure!(at_end.sockets() > 1_000, "only {} sockets were compared", at_end.sockets());
    Ok(())
}

#[test]
fn a_trace_names_the_owners_that_ss_names() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let kept = net.netns.run(|| {
        let listener = Sock::listening(net.addresses.server(), 64)?;
        let clients = (0..50).map(|_| Sock::connected(net.addresses.server())).collect::<Result<Vec<_>>>()?;
        // The other connections are not accepted, so no process has them open.
        let servers = (0..25).map(|_| listener.accept()).collect::<Result<Vec<_>>>()?;
        Ok((listener, clients, servers))
    })?;
    let tracer = Tracer::start(&["--existing"])?;
    let listed = net.netns.run(ss::all_with_pids)?;
    let found = wait::until("all are shown", || {
        let found = existing_so_far(&tracer, &net)?;
        Ok((found.len() >= listed.len()).then_some(found))
    })?;
    tracer.stop()?;
    drop(kept);
    let mut with_fd = 0;
    for socket in listed.iter().filter(|socket| !socket.pids.is_empty()) {
        let found = found.iter().find(|found| found.tuple() == (socket.local, socket.remote));
        let owner = found.with_context(|| format!("not shown: {socket:?}"))?.pid;
        ensure!(owner.is_some_and(|pid| socket.pids.contains(&pid)), "not {owner:?}, but {socket:?}");
        with_fd += 1;
    }
    ensure!(with_fd == 76, "ss shows the owners of {with_fd} sockets");
    Ok(())
}

/// Clients whose SYN has arrived and whose SYN-ACKs are lost.
fn half_open(net: &TestNet, wire: &Wire) -> Result<Vec<Sock>> {
    let clients = (0..3)
        .map(|_| {
            let client = net.netns.run(|| Sock::tcp(wire.address))?;
            client.start_connect(wire.address)?;
            Ok(client)
        })
        .collect::<Result<Vec<_>>>()?;
    wire.far.run(|| proc_tcp::wait_for(3, wire.address.port(), "SYN_RECV"))?;
    Ok(clients)
}

/// Connections that end in different ways. Some stay open for a while.
fn load(net: &TestNet, server: SocketAddr, listener: &Sock, seed: usize) -> Result<()> {
    net.netns.run(|| {
        let mut open = Vec::new();
        for number in 0..600 {
            let client = Sock::connected(server)?;
            open.push((client, listener.accept()?));
            thread::sleep(Duration::from_millis(2));
            let (client, server) = open.swap_remove(number * seed % open.len());
            match number % 5 {
                0 => {
                    client.close();
                    server.receive_fin()?;
                    server.close();
                }
                1 => {
                    server.close();
                    client.receive_fin()?;
                    client.close();
                }
                2 => client.reset()?,
                3 => {
                    client.shutdown_write()?;
                    open.push((client, server));
                }
                _ => open.push((client, server)),
            }
        }
        Ok(())
    })
}

/// Two runs of `ss`, and the sockets that both list.
struct SsSnapshot {
    began_ns: u64,
    ended_ns: u64,
    /// For each namespace the sockets that both runs list.
    snapshots: Vec<(u32, BTreeSet<(State, Tuple)>)>,
    /// The time between the two runs.
    between_ns: u64,
}

impl SsSnapshot {
    fn take(namespaces: &[&Namespace]) -> Result<Self> {
        let all = || {
            let sockets = |namespace: &&Namespace| {
                let sockets = namespace.run(ss::all)?.into_iter();
                let sockets = sockets.map(|socket| (socket.state, (socket.local, socket.remote)));
                Ok((namespace.inum()?, sockets.collect::<BTreeSet<_>>()))
            };
            namespaces.iter().map(sockets).collect::<Result<Vec<_>>>()
        };
        let (began_ns, first) = (monotonic_ns(), all()?);
        let (between_ns, second) = (monotonic_ns(), all()?);
        let both = |((netns, first), (_, second)): ((u32, BTreeSet<_>), (u32, BTreeSet<_>))| {
            (netns, first.intersection(&second).cloned().collect())
        };
        Ok(Self {
            began_ns,
            between_ns,
            ended_ns: monotonic_ns(),
            snapshots: first.into_iter().zip(second).map(both).collect(),
        })
    }

    fn sockets(&self) -> usize {
        self.snapshots.iter().map(|(_, sockets)| sockets.len()).sum()
    }

    /// Compares the sockets that did not change meanwhile. Returns how many were compared.
    fn compare_with(&self, changes: &[Change], unobserved: &Unobserved) -> Result<usize> {
        let meanwhile = self.began_ns..=self.ended_ns;
        let changed: BTreeSet<Tuple> = changes
            .iter()
            .filter(|change| meanwhile.contains(&change.mono_ns))
            .map(|change| change.tuple)
            .collect();
        let is_compared = |tuple: &Tuple| !changed.contains(tuple) && !unobserved.has_tuple(*tuple);
        let before = || changes.iter().filter(|change| change.mono_ns <= self.between_ns);
        let mut compared = 0;
        for (netns, listed) in &self.snapshots {
            let open_connections = stream_table::open_connections(before(), *netns);
            let reported: BTreeSet<_> =
                open_connections.values().map(|last| (last.state, last.tuple)).collect();
            let differences: Vec<_> =
                reported.symmetric_difference(listed).filter(|(_, tuple)| is_compared(tuple)).collect();
            ensure!(
                differences.is_empty(),
                "in namespace {netns} only the trace or only ss has {differences:#?}"
            );
            compared += listed.iter().filter(|(_, tuple)| is_compared(tuple)).count();
        }
        Ok(compared)
    }
}

/// Checks that nothing was lost, and that in the test's namespaces only connections were repaired that no program
/// could observe.
fn is_complete(trace: &Trace, unobserved: &Unobserved, namespaces: &[&Namespace]) -> Result<()> {
    let own = namespaces.iter().map(|namespace| namespace.inum()).collect::<Result<Vec<_>>>()?;
    let events = trace.events()?;
    ensure!(events.losses.is_empty(), "lost: {:?}", events.losses);
    for repaired in
        events.repaired.iter().filter(|found| found.netns.is_some_and(|netns| own.contains(&netns)))
    {
        ensure!(
            unobserved.has_tuple(repaired.tuple()),
            "nothing was lost, but this was repaired: {repaired:#?}"
        );
    }
    Ok(())
}
