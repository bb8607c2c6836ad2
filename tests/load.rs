//! Many connections at once: nothing is lost, or what a slow reader or a full table loses is counted; rows are in order.

#![cfg(target_os = "linux")]

use std::{collections::HashSet, ops::RangeInclusive, sync::mpsc::channel, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::{
    churn::{CpuPair, churn},
    compare, consistency,
    event::{Lost, LostWhat, LostWhere, Row},
    history::{self, History},
    normalization,
    oracle::Oracle,
    output::Destination,
    scenario::TestNet,
    skip,
    stream_table::{self, Change},
    trace::Trace,
    tracer::Tracer,
    unobserved::Unobserved,
    wait,
    wait::for_exclusive_turn,
};

/// How many connections a load without loss makes in all.
const CONNECTIONS: usize = 100_000;
/// Enough connections to fill every queue before a slow reader.
const TOO_MANY: usize = 30_000;
/// More than what the busiest CPU records of [`CONNECTIONS`]: 80 bytes for each of 10 transitions.
const RECORD_KIB: u32 = 160 << 10;
/// The memory limit of the process: far more than its ring buffer and its queue, far less than the output that it
/// drops.
const MEMORY_KIB: u64 = 200 << 10;

/// How many histories of a load may be left out as unobserved: one in a hundred of the two of each connection. Between 2 and
/// 8 of 200,000 transitions are made in the context of process 1 on an idle machine, and up to 40 while process 1 is busy.
const MAX_UNOBSERVED: usize = CONNECTIONS / 50;

/// How many repaired connections an error shows.
const SHOWN: usize = 4;

#[test]
fn no_transition_of_100_000_connections_on_one_cpu_is_lost() -> Result<()> {
    nothing_is_lost(&[CpuPair { client: 0, server: 0 }])
}

#[test]
fn no_transition_of_100_000_connections_on_two_cpus_is_lost() -> Result<()> {
    nothing_is_lost(&[CpuPair { client: 0, server: 1 }, CpuPair { client: 1, server: 0 }])
}

#[test]
fn every_transition_that_a_reader_of_one_megabyte_per_second_loses_is_counted() -> Result<()> {
    let pace = |bytes: usize| thread::sleep(Duration::from_micros(bytes.try_into().unwrap_or(u64::MAX)));
    losses_are_counted(Destination::Paced(Box::new(pace)), || {})
}

#[test]
fn every_transition_that_a_reader_stopped_until_the_end_loses_is_counted() -> Result<()> {
    let (resume, stopped) = channel::<()>();
    // The start event is read, then nothing until the trace has received the signal to end.
    let pace = move |_| {
        // Nothing is ever sent: recv() returns when the sender is dropped.
        let _ = stopped.recv();
    };
    losses_are_counted(Destination::Paced(Box::new(pace)), || drop(resume))
}

#[test]
fn a_ring_of_one_page_loses_observations_apart_from_transitions() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let arguments = ["--port", &ports(&net), "--ring-size", "4KiB"];
    let tracer = Tracer::start_into(Destination::File, &arguments)?;
    churn(&net.netns, &net.addresses, TOO_MANY, &[CpuPair { client: 0, server: 0 }])?;
    let trace = tracer.stop()?;

    let events = trace.events()?;
    let (transitions, observations) =
        (events.lost(LostWhat::Transitions), events.lost(LostWhat::Observations));
    ensure!(transitions > 0 && observations > 0, "{:?}", events.losses);
    let is_of_ring = |lost: &Lost| lost.what != LostWhat::Observations || lost.place == LostWhere::Ring;
    ensure!(events.losses.iter().all(is_of_ring), "{:?}", events.losses);
    let end = events.end.context("no `end`")?;
    ensure!(end.lost == Some(transitions), "{end:?} counts more than the {transitions} lost transitions");
    ensure!(trace.summary()?.lost == transitions, "{}", trace.stderr);
    let is_noted =
        |line: &str| line.contains(" observations of half-open, TIME_WAIT and accepted sockets lost");
    ensure!(trace.stderr.lines().any(is_noted), "{}", trace.stderr);
    Ok(())
}

#[test]
fn rows_come_in_the_order_of_their_times_and_a_client_s_before_its_server_s() -> Result<()> {
    if skip::without_root() || skip::without_cpus(2) {
        return Ok(());
    }
    let net = TestNet::new()?;
    let held = net.netns.run(|| net.pair_v6())?;
    let netns = net.netns.inum()?.to_string();
    let arguments = ["--existing", "--ring-size", "64M", "--netns", &netns];
    let tracer = Tracer::start_into(Destination::File, &arguments)?;
    churn(
        &net.netns,
        &net.addresses,
        5_000,
        &[CpuPair { client: 0, server: 1 }, CpuPair { client: 1, server: 0 }],
    )?;
    drop(held);
    let trace = tracer.stop()?;
    let changes = stream_table::changes(&trace.stdout)?;
    ensure!(trace.summary()?.lost == 0, "{}", trace.stderr);
    for (earlier, later) in changes.iter().zip(&changes[1..]) {
        ensure!(earlier.mono_ns <= later.mono_ns, "{later:#?}\nafter {earlier:#?}");
    }
    let mut connecting = HashSet::new();
    let mut servers = 0;
    for Change { tuple: (local, remote), state, .. } in &changes {
        let Some(remote) = remote else { continue };
        if *state == "SYN_SENT" {
            connecting.insert((*local, *remote));
        } else if *state == "SYN_RECV" {
            servers += 1;
            ensure!(connecting.contains(&(*remote, *local)), "{remote} has not connected to {local} before");
        }
    }
    ensure!(servers == 10_000, "{servers} servers were compared");
    Ok(())
}

#[test]
fn a_full_table_tells_no_transition_twice_and_counts_what_it_does_not_tell() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let net = TestNet::new()?;
    let netns = net.netns.inum()?.to_string();
    let arguments = ["--table-size", "200", "--ring-size", "64M", "--netns", &netns];
    let tracer = Tracer::start_into(Destination::File, &arguments)?;
    churn(&net.netns, &net.addresses, 3_000, &[CpuPair { client: 0, server: 0 }])?;
    let trace = tracer.stop()?;
    let events = trace.events()?;
    consistency::check(&events.rows)?;
    let servers = events.rows.iter().filter(|row| row.old_state == "LISTEN" && row.new_state == "SYN_RECV");
    let servers: Vec<_> = servers.map(|row| (row.local(), row.remote())).collect();
    let different: HashSet<_> = servers.iter().collect();
    ensure!(servers.len() == different.len(), "{} of {} are told twice", servers.len(), different.len());
    ensure!(events.losses.iter().all(|lost| lost.place == LostWhere::Table), "{:?}", events.losses);
    let lost: u64 = events.lost(LostWhat::Transitions);
    ensure!(lost > 0 && events.end.context("no `end`")?.lost == Some(lost), "{lost}: {}", trace.stderr);
    ensure!(trace.stderr.contains("--table-size"), "{}", trace.stderr);
    Ok(())
}

fn nothing_is_lost(pairs: &[CpuPair]) -> Result<()> {
    let last_cpu = pairs.iter().map(|pair| pair.client.max(pair.server)).max().context("no pairs")?;
    if skip::without_root() || skip::without_cpus(last_cpu + 1) {
        return Ok(());
    }
    // Each load has the machine to itself.
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let mut oracle = Oracle::start(RECORD_KIB, &[&net.addresses])?;
    let tracer = Tracer::start_into(Destination::File, &["--port", &ports(&net)])?;
    churn(&net.netns, &net.addresses, CONNECTIONS / pairs.len(), pairs)?;
    let record = history::completed(&mut oracle, &[&net.addresses])?;
    let trace = tracer.stop()?;

    let clients = record.iter().filter(|history| history.path().starts_with("CLOSE SYN_SENT")).count();
    ensure!(clients == CONNECTIONS, "the kernel recorded {clients} connections, not {CONNECTIONS}");
    let events = trace.events()?;
    let seen = u64::try_from(events.rows.len())?;
    let summary = trace.summary()?;
    let reported = format!(
        "{seen} rows, {:?}, {:?}, {summary:?}, repaired: {:#?}",
        events.losses,
        events.end,
        events.repaired.iter().take(SHOWN).collect::<Vec<_>>()
    );
    compare::with_record(&record, &events.rows, normalization::DEFAULT.with_unobserved(MAX_UNOBSERVED))
        .context(reported.clone())?;
    ensure!(events.losses.is_empty() && (summary.seen, summary.lost) == (seen, 0), "{reported}");
    let recorded = recorded(&events.rows)?;
    ensure!(
        observable(&record)?.contains(&recorded),
        "{:?} transitions were observable, but {recorded} are shown: {reported}",
        observable(&record)?
    );
    Ok(())
}

/// How many transitions of the kernel's record the rows show. The record has no end of a TIME_WAIT, which may come
/// early by an RST (RFC 1337). In the record a connection closes when a timewait socket in FIN_WAIT2 replaces it.
fn recorded(rows: &[Row]) -> Result<u64> {
    let in_record = rows.iter().filter(|row| row.old_state != "TIME_WAIT").count();
    let histories = history::by_connection(rows);
    let last = |history: &History| history.transitions.last().map(|transition| transition.new);
    let in_fin_wait2 = histories.iter().filter(|(_, history)| last(history) == Some("FIN_WAIT2"));
    Ok(u64::try_from(in_record + in_fin_wait2.count())?)
}

/// How many transitions programs could observe: normally all of the record.
fn observable(record: &[History]) -> Result<RangeInclusive<u64>> {
    let transitions: usize = record.iter().map(|history| history.transitions.len()).sum();
    Ok(u64::try_from(transitions - Unobserved::in_record(record, MAX_UNOBSERVED)?.transitions())?
        ..=u64::try_from(transitions)?)
}

/// Makes more connections than the reader can take. `as_it_ends` runs after the signal to end the trace.
fn losses_are_counted(reader: Destination, as_it_ends: impl FnOnce()) -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    // Each load has the machine to itself.
    let _turn = for_exclusive_turn();
    let net = TestNet::new()?;
    let mut oracle = Oracle::start(RECORD_KIB, &[&net.addresses])?;
    let tracer = Tracer::start_into(reader, &["--port", &ports(&net)])?;
    churn(&net.netns, &net.addresses, TOO_MANY, &[CpuPair { client: 0, server: 0 }])?;
    let record = history::completed(&mut oracle, &[&net.addresses])?;
    let memory = memory_kib(tracer.pid())?;
    tracer.signal(rustix::process::Signal::INT)?;
    as_it_ends();
    let trace = tracer.finish()?;

    counted_exactly(&trace, &observable(&record)?)?;
    ensure!(memory < MEMORY_KIB, "it took {memory} KiB");
    Ok(())
}

fn counted_exactly(trace: &Trace, transitions: &RangeInclusive<u64>) -> Result<()> {
    ensure!(trace.stdout.ends_with('\n'), "half a line at the end of the output");
    let events = trace.events()?;
    let rows = u64::try_from(events.rows.len())?;
    let summary = trace.summary()?;
    ensure!(summary.lost > 0, "the reader wasn't too slow: {summary:?}");
    ensure!(summary.seen == rows, "{rows} rows were written, but {summary:?}");
    ensure!(transitions.contains(&(rows + summary.lost)), "{transitions:?} transitions, but {summary:?}");
    // The stream reports the same numbers, unless its last lines found no reader in time.
    if let Some(end) = &events.end {
        let reported: u64 = events.lost(LostWhat::Transitions);
        ensure!(
            (end.transitions, end.lost) == (rows, Some(reported)),
            "{rows} rows, {reported} lost in the stream, but {end:?}"
        );
        ensure!(reported == summary.lost, "{reported} lost in the stream, but {summary:?}");
    }
    Ok(())
}

fn ports(net: &TestNet) -> String {
    format!("{}-{}", net.addresses.port(), net.addresses.last_port())
}

/// The peak of the process's resident memory.
fn memory_kib(pid: u32) -> Result<u64> {
    wait::until("the process has a status", || {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.map(|line| line.trim().trim_end_matches(" kB").parse().context("VmHWM")).transpose()
    })
}
