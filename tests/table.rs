//! The stream makes the table that `ss` shows: in every namespace, at any moment, and again after losses.

#![cfg(target_os = "linux")]

use std::{collections::BTreeSet, net::SocketAddr, thread, time::Duration};

use anyhow::{Context as _, Result, anyhow, ensure};
use netstat_tests::{
    blind::Blind,
    churn::{Pair, churn},
    clock::monotonic_ns,
    live::{self, Change, Ends},
    lives,
    netns::Namespace,
    oracle::Oracle,
    output::Destination,
    proc_tcp,
    scenario::Place,
    skip,
    sock::Sock,
    ss,
    story::found_so_far,
    trace::Trace,
    tracer::Tracer,
    wait,
    wire::Wire,
};

/// How many moments of a load are compared.
const MOMENTS: usize = 20;
/// How many traces start during one load.
const STARTS: usize = 5;
/// More than what the busiest CPU records of a load of this file.
const RECORD_KIB: u32 = 64 << 10;

#[test]
fn at_20_moments_of_a_mixed_load_the_stream_makes_the_table_that_ss_shows() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let (place, other) = (Place::new()?, Place::new()?);
    let wire = Wire::new(&place)?;
    let namespaces = [&place.here, &other.here, &wire.far];
    let mut oracle = Oracle::start(RECORD_KIB, &[&place.block, &other.block])?;
    let tracer = Tracer::start_into(Destination::File, &[])?;
    let listeners = [place.here.run(|| place.listener())?, other.here.run(|| other.listener())?];
    let six = place.here.run(|| Sock::listening(place.block.server_v6(), 8))?;
    let far = wire.listen()?;
    let answered = place.here.run(|| Sock::connected(wire.address))?;
    wire.relay.cut_backward(true);
    let unanswered = half_open(&place, &wire)?;

    let moments = thread::scope(|scope| {
        let loads = [
            scope.spawn(|| load(&place, place.block.server(), &listeners[0], 1)),
            scope.spawn(|| load(&place, place.block.server_v6(), &six, 2)),
            scope.spawn(|| load(&other, other.block.server(), &listeners[1], 3)),
        ];
        let moments = (0..MOMENTS)
            .map(|number| {
                thread::sleep(Duration::from_millis(40 + u64::try_from(number * 37 % 90)?));
                Moment::look(&namespaces)
            })
            .collect::<Result<Vec<_>>>();
        for load in loads {
            load.join().map_err(|_| anyhow!("a load panicked"))??;
        }
        moments
    })?;
    let at_rest = Moment::look(&namespaces)?;
    wire.relay.cut_backward(false);
    drop((listeners, six, far, answered, unanswered));
    let record = lives::completed(&mut oracle, &[&place.block, &other.block])?;
    let (trace, blind) = (tracer.stop()?, Blind::of(&record));
    nothing_was_missed(&trace, &blind, &namespaces)?;
    let changes = live::changes(&trace.stdout)?;
    let mut compared = 0;
    for (number, moment) in moments.iter().chain([&at_rest]).enumerate() {
        compared += moment
            .hold_against(&changes, &blind)
            .with_context(|| format!("at moment {number} of {MOMENTS}"))?;
    }
    ensure!(compared > 10 * MOMENTS, "only {compared} sockets were compared");
    Ok(())
}

#[test]
fn at_rest_after_20_000_connections_the_stream_makes_the_table_that_ss_shows() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let place = Place::new()?;
    let mut oracle = Oracle::start(RECORD_KIB, &[&place.block])?;
    let tracer = Tracer::start_into(Destination::File, &[])?;
    churn(
        &place.here,
        &place.block,
        10_000,
        &[Pair { client: 0, server: 0 }, Pair { client: 0, server: 0 }],
    )?;
    let record = lives::completed(&mut oracle, &[&place.block])?;
    let at_rest = Moment::look(&[&place.here])?;
    let (trace, blind) = (tracer.stop()?, Blind::of(&record));
    nothing_was_missed(&trace, &blind, &[&place.here])?;
    let compared = at_rest.hold_against(&live::changes(&trace.stdout)?, &blind)?;
    ensure!(compared > 10_000, "only {compared} sockets were compared");
    Ok(())
}

#[test]
fn traces_that_start_during_a_load_make_the_table_that_ss_shows_without_a_second_look() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let place = Place::new()?;
    let mut oracle = Oracle::start(RECORD_KIB, &[&place.block])?;
    let pairs = [Pair { client: 0, server: 0 }, Pair { client: 1, server: 1 }];
    let tracers = thread::scope(|scope| {
        let load = scope.spawn(|| churn(&place.here, &place.block, 10_000, &pairs));
        // Room for all of the load: the traces take turns on two cores.
        let arguments = ["--existing", "--reconcile-interval", "1h", "--ring-size", "64M"];
        let tracers: Result<Vec<Tracer>> =
            (0..STARTS).map(|_| Tracer::start_into(Destination::File, &arguments)).collect();
        load.join().map_err(|_| anyhow!("the load panicked"))??;
        tracers
    })?;
    let record = lives::completed(&mut oracle, &[&place.block])?;
    let (at_rest, blind) = (Moment::look(&[&place.here])?, Blind::of(&record));
    for tracer in tracers {
        let trace = tracer.stop()?;
        nothing_was_missed(&trace, &blind, &[&place.here])?;
        at_rest.hold_against(&live::changes(&trace.stdout)?, &blind)?;
    }
    Ok(())
}

#[test]
fn after_losses_one_look_makes_the_table_right_again() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let place = Place::new()?;
    let held = place.here.run(|| place.pair_v6())?;
    let tracer = Tracer::start_into(Destination::File, &["--existing", "--ring-size", "4KiB"])?;
    churn(&place.here, &place.block, 5_000, &[Pair { client: 0, server: 1 }, Pair { client: 1, server: 0 }])?;
    let mut differ = None;
    let at_rest = wait::until("the table is what ss shows", || {
        let at_rest = Moment::look(&[&place.here])?;
        let changes = live::changes(&tracer.lines_so_far()?)?;
        differ = at_rest.hold_against(&changes, &Blind::default()).err();
        Ok(differ.is_none().then_some(at_rest))
    })
    .with_context(|| format!("{differ:?}"))?;
    drop(held);
    let events = tracer.stop()?.events()?;
    ensure!(events.end.is_some_and(|end| end.lost > 0), "the ring was too big: nothing was lost");
    ensure!(!events.repaired.is_empty(), "nothing was repaired");
    ensure!(at_rest.sockets() > 1_000, "only {} sockets were compared", at_rest.sockets());
    Ok(())
}

#[test]
fn a_trace_names_the_owners_that_ss_names() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let place = Place::new()?;
    let kept = place.here.run(|| {
        let listener = Sock::listening(place.block.server(), 64)?;
        let clients = (0..50).map(|_| Sock::connected(place.block.server())).collect::<Result<Vec<_>>>()?;
        // The others wait to be accepted: they have no fd.
        let servers = (0..25).map(|_| listener.accept()).collect::<Result<Vec<_>>>()?;
        Ok((listener, clients, servers))
    })?;
    let tracer = Tracer::start(&["--existing"])?;
    let listed = place.here.run(ss::all_with_pids)?;
    let found = wait::until("all are shown", || {
        let found = found_so_far(&tracer, &place)?;
        Ok((found.len() >= listed.len()).then_some(found))
    })?;
    tracer.stop()?;
    drop(kept);
    let mut with_fd = 0;
    for socket in listed.iter().filter(|socket| !socket.pids.is_empty()) {
        let found = found.iter().find(|found| found.ends() == (socket.local, socket.remote));
        let owner = found.with_context(|| format!("not shown: {socket:?}"))?.pid;
        ensure!(owner.is_some_and(|pid| socket.pids.contains(&pid)), "not {owner:?}, but {socket:?}");
        with_fd += 1;
    }
    ensure!(with_fd == 76, "ss shows the owners of {with_fd} sockets");
    Ok(())
}

/// Clients whose SYN has come, but to whom no SYN-ACK does.
fn half_open(place: &Place, wire: &Wire) -> Result<Vec<Sock>> {
    let clients = (0..3)
        .map(|_| {
            let client = place.here.run(|| Sock::tcp(wire.address))?;
            client.start_connect(wire.address)?;
            Ok(client)
        })
        .collect::<Result<Vec<_>>>()?;
    wire.far.run(|| proc_tcp::wait_for(3, wire.address.port(), "SYN_RECV"))?;
    Ok(clients)
}

/// Connections of all kinds, some of which stay open for a while.
fn load(place: &Place, server: SocketAddr, listener: &Sock, seed: usize) -> Result<()> {
    place.here.run(|| {
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

/// What `ss` shows twice, and when.
struct Moment {
    began_ns: u64,
    ended_ns: u64,
    /// For each namespace what both looks show.
    looks: Vec<(u64, BTreeSet<(String, Ends)>)>,
    /// Between the two looks.
    between_ns: u64,
}

impl Moment {
    fn look(namespaces: &[&Namespace]) -> Result<Self> {
        let all = || {
            let sockets = |namespace: &&Namespace| {
                let sockets = namespace.run(ss::all)?.into_iter();
                let sockets = sockets.map(|socket| (socket.state.to_owned(), (socket.local, socket.remote)));
                Ok((namespace.inum()?, sockets.collect::<BTreeSet<_>>()))
            };
            namespaces.iter().map(sockets).collect::<Result<Vec<_>>>()
        };
        let (began_ns, first) = (monotonic_ns(), all()?);
        let (between_ns, second) = (monotonic_ns(), all()?);
        let both = |((netns, first), (_, second)): ((u64, BTreeSet<_>), (u64, BTreeSet<_>))| {
            (netns, first.intersection(&second).cloned().collect())
        };
        Ok(Self {
            began_ns,
            between_ns,
            ended_ns: monotonic_ns(),
            looks: first.into_iter().zip(second).map(both).collect(),
        })
    }

    fn sockets(&self) -> usize {
        self.looks.iter().map(|(_, sockets)| sockets.len()).sum()
    }

    /// Compares what did not change meanwhile; returns how much that is.
    fn hold_against(&self, changes: &[Change], blind: &Blind) -> Result<usize> {
        let meanwhile = self.began_ns..=self.ended_ns;
        let changed: BTreeSet<Ends> = changes
            .iter()
            .filter(|change| meanwhile.contains(&change.mono_ns))
            .map(|change| change.ends)
            .collect();
        let compares = |ends: &Ends| !changed.contains(ends) && !blind.has(ends.0, ends.1);
        let before = || changes.iter().filter(|change| change.mono_ns <= self.between_ns);
        let mut compared = 0;
        for (netns, listed) in &self.looks {
            let alive = live::alive(before(), *netns);
            let told: BTreeSet<_> = alive.values().map(|last| (last.state.clone(), last.ends)).collect();
            let differ: Vec<_> =
                told.symmetric_difference(listed).filter(|(_, ends)| compares(ends)).collect();
            ensure!(differ.is_empty(), "in namespace {netns} only one of the two has {differ:#?}");
            compared += listed.len();
        }
        Ok(compared)
    }
}

/// Nothing lost, and nothing repaired in the test's own namespaces but what no program could see.
fn nothing_was_missed(trace: &Trace, blind: &Blind, namespaces: &[&Namespace]) -> Result<()> {
    let own = namespaces.iter().map(|namespace| namespace.inum()).collect::<Result<Vec<_>>>()?;
    let events = trace.events()?;
    ensure!(events.losses.is_empty(), "lost: {:?}", events.losses);
    for repaired in
        events.repaired.iter().filter(|found| found.netns.is_some_and(|netns| own.contains(&netns)))
    {
        let (local, remote) = repaired.ends();
        ensure!(blind.has(local, remote), "nothing was lost, but this was repaired: {repaired:#?}");
    }
    Ok(())
}
