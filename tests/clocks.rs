//! Time stamps: `ts` is the wall clock at the transition and `mono_ns` the kernel's clock, whatever the tracer's own
//! clocks show.

#![cfg(target_os = "linux")]

use anyhow::{Result, ensure};
use netstat_tests::{
    event::Row,
    output::Destination,
    scenario::TestNet,
    skip,
    state_path::rows_so_far,
    time_namespace,
    tracer::{Tracer, command},
    wait,
};
use rustix::time::{ClockId, clock_gettime};

/// Lines of `timens_offsets`: both signs, both clocks, nanoseconds.
const OFFSETS: [&str; 6] = [
    "monotonic 100000 0",
    "monotonic -2 0",
    "monotonic -2 999999999",
    "boottime 864000 0",
    "boottime -1 0",
    "monotonic 31536000 5\nboottime 31536000 5",
];

/// By how much a measured difference of two clocks may be wrong: the time that reading both takes.
const SLACK_NS: i128 = 5_000_000;

#[test]
fn in_a_time_namespace_every_transition_is_seen_and_its_times_are_right() -> Result<()> {
    if skip::without_root() || skip::without_time_namespaces() {
        return Ok(());
    }
    for offsets in OFFSETS {
        for source in ["ebpf", "proc"] {
            times_are_right(&format!("{offsets:?}, {source}"), || {
                time_namespace::for_children(offsets, || {
                    let mut command = command(&["--json", "--source", source, "--interval", "50ms"])?;
                    Tracer::spawn(time_namespace::forked(&mut command), Destination::Pipe)?.started()
                })
            })?;
        }
    }
    Ok(())
}

#[test]
fn a_time_namespace_that_the_process_unshares_before_exec_changes_nothing() -> Result<()> {
    if skip::without_root() || skip::without_time_namespaces() {
        return Ok(());
    }
    times_are_right("unshared before exec", || {
        let mut command = command(&["--json"])?;
        time_namespace::unshared_before_exec(&mut command, "monotonic 100000 0");
        Tracer::spawn(&mut command, Destination::Pipe)?.started()
    })?;
    Ok(())
}

#[test]
fn all_time_stamps_of_a_trace_have_the_same_difference_between_the_clocks() -> Result<()> {
    if skip::without_root() {
        return Ok(());
    }
    let rows = times_are_right("no namespace", || Tracer::start(&[]))?;
    let differences: Vec<i128> =
        rows.iter().map(|row| Ok(unix_ns(row)? - i128::from(row.mono_ns))).collect::<Result<_>>()?;
    // CLOCK_REALTIME may be set while the test runs, but not between each two of its transitions.
    let changes = differences.windows(2).filter(|pair| pair[0] != pair[1]).count();
    ensure!(changes <= 1, "the difference changes {changes} times: {differences:?}");
    Ok(())
}

/// Traces some connections, and checks the times of their rows by this process's clocks.
fn times_are_right(what: &str, start: impl FnOnce() -> Result<Tracer>) -> Result<Vec<Row>> {
    let net = TestNet::new()?;
    let tracer = start()?;
    let before = now();
    let states = net.netns.run(|| {
        let pair = net.pair()?;
        wait_for_state(&tracer, &net, "ESTABLISHED")?;
        pair.client_closes()?;
        wait_for_state(&tracer, &net, "TIME_WAIT")
    });
    states.map_err(|error| error.context(what.to_owned()))?;
    let after = now();
    let trace = tracer.stop()?;
    ensure!(trace.summary()?.lost == 0, "{what}: {}", trace.stderr);
    let rows: Vec<Row> = trace.rows()?.into_iter().filter(|row| row.belongs_to(&net.addresses)).collect();
    ensure!(!rows.is_empty(), "{what}: no rows");
    for row in &rows {
        let times = (i128::from(row.mono_ns), unix_ns(row)?);
        let is_between = |time, before, after| (before - SLACK_NS..=after + SLACK_NS).contains(&time);
        ensure!(
            is_between(times.0, before.0, after.0),
            "{what}: mono_ns isn't in {before:?} to {after:?}: {row:?}"
        );
        ensure!(
            is_between(times.1, before.1, after.1),
            "{what}: ts isn't in {before:?} to {after:?}: {row:?}"
        );
    }
    Ok(rows)
}

fn wait_for_state(tracer: &Tracer, net: &TestNet, state: &str) -> Result<()> {
    wait::until(&format!("a row enters {state}"), || {
        Ok(rows_so_far(tracer, net)?.iter().any(|row| row.new_state == state).then_some(()))
    })
}

/// CLOCK_MONOTONIC and CLOCK_REALTIME, nanoseconds.
fn now() -> (i128, i128) {
    let nanoseconds = |clock| {
        let time = clock_gettime(clock);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    (nanoseconds(ClockId::Monotonic), nanoseconds(ClockId::Realtime))
}

/// The row's `ts` in nanoseconds since 1970.
fn unix_ns(row: &Row) -> Result<i128> {
    Ok(row.ts.parse::<jiff::Timestamp>()?.as_nanosecond())
}
