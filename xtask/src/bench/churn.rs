//! Connections opened and closed as fast as the cores can: how many remain possible, and what a transition costs.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::event::Event;

use super::{
    bpf_stats::BpfStats,
    contender::Contender,
    load,
    report::{Figure, Report, Target, median},
    setup::{Bench, output_file, percent_kept},
    tracefs::TransitionCounter,
    usage,
};

/// Connections of each core in a round.
const CONNECTIONS: usize = 50_000;
/// The transitions of one connection that the kernel's tracepoint reports, both endpoints together.
const TRANSITIONS: usize = 10;
/// The time that a tracer gets to write the last events.
const DRAIN: Duration = Duration::from_millis(700);
/// The time that the kernel gets to remove the previous run's namespace with its TIME_WAIT sockets.
const CLEANUP: Duration = Duration::from_millis(1500);

/// The results of one run.
struct Run {
    /// Connections/s.
    rate: f64,
    /// How much of the load the contender showed; empty if it has no output file.
    completeness: String,
    kernel_ns: u64,
    cpu_seconds: f64,
}

/// churn-1 and churn-2: connections/s as a percentage of the untraced ones.
pub fn measure_rate(bench: &Bench, cores: usize, report: &mut Report) -> Result<()> {
    let contenders = &bench.contenders;
    let mut rates = vec![Vec::new(); contenders.len()];
    let mut notes = vec![String::new(); contenders.len()];
    for _ in 0..bench.rounds {
        for (index, contender) in contenders.iter().enumerate() {
            let run = run(bench, *contender, cores, &output_file())?;
            rates[index].push(run.rate);
            notes[index] = run.completeness;
        }
    }
    if let Some(ours) = contenders.iter().position(|contender| contender.is_ours()) {
        notes[ours] = format!("{}; {}", notes[ours], compare_with_tracefs(bench, cores)?);
    }
    let least = if cores == 1 { 95.0 } else { 85.0 };
    let untraced = &rates[0];
    for ((contender, rates), note) in contenders.iter().zip(&rates).zip(notes) {
        let figure = Figure::new(contender.name(), "% kept", percent_kept(rates, untraced));
        let separator = if note.is_empty() { "" } else { ", " };
        let note = format!("{:.0} connections/s{separator}{note}", median(rates));
        let target = contender.is_ours().then_some(Target::AtLeast(least));
        report.add(figure.with_target(target).with_note(note));
    }
    Ok(())
}

/// Runs the tracer beside the kernel's own record. That slows the load down, so nothing is measured here.
fn compare_with_tracefs(bench: &Bench, cores: usize) -> Result<String> {
    let namespace = load::namespace()?;
    let output = output_file();
    let running = bench.start(Contender::RnetstatTrace, &output)?;
    let counter = TransitionCounter::start()?;
    load::churn(&namespace, CONNECTIONS, cores)?;
    let recorded = counter.count()?;
    thread::sleep(DRAIN);
    running.stop()?;
    let (shown, lost) = shown_and_lost(&output)?;
    fs::remove_file(output)?;
    Ok(format!("of {recorded} in tracefs: {shown} shown, {lost} lost"))
}

/// kernel: nanoseconds a transition in all BPF programs together.
pub fn measure_kernel(bench: &Bench, report: &mut Report) -> Result<()> {
    let _enabled = BpfStats::enable()?;
    let traced = bench.contenders.iter().copied().filter(|contender| *contender != Contender::Untraced);
    let mut figures = Vec::new();
    for contender in traced {
        let values = measure_runs(bench, contender, &output_file(), |run| run.kernel_ns as f64)?;
        figures.push((contender, values));
    }
    let median_of =
        |wanted| figures.iter().find(|(contender, _)| *contender == wanted).map(|(_, values)| median(values));
    let times = median_of(Contender::Tcpstates)
        .zip(median_of(Contender::RnetstatTrace))
        .map(|(theirs, ours)| format!("{:.1} times less than tcpstates", theirs / ours));
    for (contender, values) in figures {
        let figure = Figure::new(contender.name(), "ns/transition", values);
        report.add(if contender.is_ours() {
            let note = times.clone().unwrap_or_default();
            figure.with_target(Some(Target::AtMost(350.0))).with_note(note)
        } else {
            figure
        });
    }
    Ok(())
}

/// user: CPU microseconds a transition in the contender's process, with its output to /dev/null.
pub fn measure_user(bench: &Bench, report: &mut Report) -> Result<()> {
    for contender in bench.processes() {
        let values = measure_runs(bench, contender, Path::new("/dev/null"), |run| run.cpu_seconds * 1e6)?;
        let target = contender.is_ours().then_some(Target::AtMost(1.0));
        report.add(Figure::new(contender.name(), "µs/transition", values).with_target(target));
    }
    Ok(())
}

/// A cost of each round's run on one core, divided by the number of transitions.
fn measure_runs(
    bench: &Bench,
    contender: Contender,
    output: &Path,
    cost: impl Fn(&Run) -> f64,
) -> Result<Vec<f64>> {
    let transitions = (CONNECTIONS * TRANSITIONS) as f64;
    (0..bench.rounds).map(|_| Ok(cost(&run(bench, contender, 1, output)?) / transitions)).collect()
}

fn run(bench: &Bench, contender: Contender, cores: usize, output: &Path) -> Result<Run> {
    thread::sleep(CLEANUP);
    let namespace = load::namespace()?;
    let running = bench.start(contender, output)?;
    let pid = running.pid();
    let before = (usage::bpf_programs(pid)?, running.cpu_seconds()?);
    let rate = load::churn(&namespace, CONNECTIONS, cores)?;
    thread::sleep(DRAIN);
    let after = (usage::bpf_programs(pid)?, running.cpu_seconds()?);
    running.stop()?;
    let mut completeness = String::new();
    if output.is_file() {
        completeness = completeness_of(contender, output, cores)?;
        fs::remove_file(output)?;
    }
    Ok(Run {
        rate,
        completeness,
        kernel_ns: after.0.run_time_ns - before.0.run_time_ns,
        cpu_seconds: after.1 - before.1,
    })
}

/// How many transitions of the load the output shows; of ours also how many it reports as lost.
fn completeness_of(contender: Contender, output: &Path, cores: usize) -> Result<String> {
    let expected = CONNECTIONS * cores * TRANSITIONS;
    if !contender.is_ours() {
        let shown = BufReader::new(File::open(output)?).lines().count();
        return Ok(format!("{} of {expected} shown", shown.min(expected)));
    }
    let (shown, lost) = shown_and_lost(output)?;
    // Each core's listener makes two transitions, too.
    let expected = expected + 2 * cores;
    ensure!(shown <= expected, "the output has {shown} transitions, the load made only {expected}");
    Ok(format!("{lost} lost, {shown} of {expected} shown"))
}

/// Counts our output's transitions of the load, and returns the number of lost ones from its `end` event.
fn shown_and_lost(output: &Path) -> Result<(usize, u64)> {
    let (mut shown, mut end) = (0, None);
    for line in BufReader::new(File::open(output)?).lines() {
        match Event::parse(&line?)? {
            // The tracepoint doesn't report the end of TIME_WAIT, so it isn't counted here.
            Event::Transition(row)
                if row.old_state != "TIME_WAIT" && is_of_load(row.local_port, row.remote_port) =>
            {
                shown += 1;
            }
            Event::End(event) => end = Some(event),
            _ => {}
        }
    }
    let end = end.context("the tracer's output has no `end` event")?;
    Ok((shown, end.lost.context("the tracer could not count what it lost")?))
}

fn is_of_load(local: Option<u16>, remote: Option<u16>) -> bool {
    local.into_iter().chain(remote).any(|port| load::PORTS.contains(&port))
}
