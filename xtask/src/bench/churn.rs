//! Connections as fast as the cores make them: how many are left, and what a transition costs.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use netstat_tests::event::Event;

use super::{
    Bench, fdinfo, load,
    oracle::Oracle,
    report::{Figure, Report, Target, median},
    stats::Stats,
    subject::{Running, Subject, scratch},
};

/// Connections a core and round.
const CONNECTIONS: usize = 50_000;
/// What the kernel's tracepoint shows of one, both ends (CONTRIBUTING.md says how to see it).
const TRANSITIONS: usize = 10;
/// How long a tracer has to write what it has seen.
const DRAIN: Duration = Duration::from_millis(700);
/// How long the kernel has to do away with the last run's namespace and its TIME_WAITs.
const CLEANUP: Duration = Duration::from_millis(1500);

/// What one run gave.
struct Run {
    rate: f64,
    lost: String,
    kernel_ns: u64,
    cpu_seconds: f64,
}

/// churn-1 and churn-2.
pub fn rate(bench: &Bench, cores: usize, report: &mut Report) -> Result<()> {
    let subjects = &bench.subjects;
    let mut rates = vec![Vec::new(); subjects.len()];
    let mut notes = vec![String::new(); subjects.len()];
    for _ in 0..bench.rounds {
        for (index, subject) in subjects.iter().enumerate() {
            let run = run(bench, *subject, cores, &scratch())?;
            rates[index].push(run.rate);
            notes[index] = run.lost;
        }
    }
    if let Some(ours) = subjects.iter().position(|subject| *subject == Subject::Ours) {
        notes[ours] = format!("{}; {}", notes[ours], verify(bench, cores)?);
    }
    let untraced = rates[0].clone();
    let name = if cores == 1 { "churn-1" } else { "churn-2" };
    for ((subject, rates), note) in subjects.iter().zip(rates).zip(notes) {
        // Each round against the untraced one beside it: the machine's pace changes.
        let kept = rates.iter().zip(&untraced).map(|(rate, untraced)| 100.0 * rate / untraced).collect();
        let least = if cores == 1 { 95.0 } else { 85.0 };
        report.add(Figure {
            bench: name,
            subject: subject.name().into(),
            unit: "% kept",
            values: kept,
            target: (*subject == Subject::Ours).then_some(Target::AtLeast(least)),
            note: format!("{:.0} connections/s{}", median(&rates), prefixed(&note)),
        });
    }
    Ok(())
}

/// Ours once more beside the kernel's own record, which slows the load and so is not measured.
fn verify(bench: &Bench, cores: usize) -> Result<String> {
    let namespace = load::namespace()?;
    let output = scratch();
    let running = Subject::Ours.start(&bench.tracer, &output)?;
    let oracle = Oracle::start()?;
    load::churn(&namespace, CONNECTIONS, cores)?;
    let recorded = oracle.count()?;
    thread::sleep(DRAIN);
    running.stop()?;
    let (shown, lost) = shown_and_lost(&output)?;
    std::fs::remove_file(output)?;
    Ok(format!("beside tracefs, which has {recorded}: {shown} shown, {lost} lost"))
}

/// Nanoseconds a transition, all programs together.
pub fn kernel(bench: &Bench, report: &mut Report) -> Result<()> {
    let _stats = Stats::on()?;
    let mut figures = Vec::new();
    for subject in bench.subjects.iter().copied().filter(|subject| *subject != Subject::Nobody) {
        let mut values = Vec::new();
        for _ in 0..bench.rounds {
            let run = run(bench, subject, 1, &scratch())?;
            values.push(run.kernel_ns as f64 / (CONNECTIONS * TRANSITIONS) as f64);
        }
        figures.push((subject, values));
    }
    let of =
        |wanted| figures.iter().find(|(subject, _)| *subject == wanted).map(|(_, values)| median(values));
    let times = of(Subject::Tcpstates).zip(of(Subject::Ours)).map(|(theirs, ours)| theirs / ours);
    for (subject, values) in figures {
        let is_ours = subject == Subject::Ours;
        report.add(Figure {
            bench: "kernel",
            subject: subject.name().into(),
            unit: "ns/transition",
            values,
            target: is_ours.then_some(Target::AtMost(350.0)),
            note: times
                .filter(|_| is_ours)
                .map(|times| format!("{times:.1} times less than tcpstates"))
                .unwrap_or_default(),
        });
    }
    Ok(())
}

/// CPU microseconds a transition in the tracer's process, JSON to /dev/null.
pub fn user(bench: &Bench, report: &mut Report) -> Result<()> {
    for subject in bench.subjects.iter().copied() {
        if subject.is_nobody() {
            continue;
        }
        let mut values = Vec::new();
        for _ in 0..bench.rounds {
            let run = run(bench, subject, 1, Path::new("/dev/null"))?;
            values.push(run.cpu_seconds * 1e6 / (CONNECTIONS * TRANSITIONS) as f64);
        }
        report.add(Figure {
            bench: "user",
            subject: subject.name().into(),
            unit: "µs/transition",
            values,
            target: (subject == Subject::Ours).then_some(Target::AtMost(1.0)),
            note: String::new(),
        });
    }
    Ok(())
}

fn run(bench: &Bench, subject: Subject, cores: usize, output: &Path) -> Result<Run> {
    thread::sleep(CLEANUP);
    let namespace = load::namespace()?;
    let running = subject.start(&bench.tracer, output)?;
    let pid = running.pid();
    let before = (fdinfo::programs(pid)?, cpu_of(&running)?);
    let rate = load::churn(&namespace, CONNECTIONS, cores)?;
    thread::sleep(DRAIN);
    let after = (fdinfo::programs(pid)?, cpu_of(&running)?);
    running.stop()?;
    let lost = if output.is_file() { lost(subject, output, cores)? } else { String::new() };
    if output.is_file() {
        std::fs::remove_file(output)?;
    }
    Ok(Run {
        rate,
        lost,
        kernel_ns: after.0.run_time_ns - before.0.run_time_ns,
        cpu_seconds: after.1 - before.1,
    })
}

fn cpu_of(running: &Running) -> Result<f64> {
    match running {
        Running::Tracer(_) => fdinfo::cpu_seconds(running.pid()),
        Running::Nothing | Running::Floor(_) => Ok(0.0),
    }
}

/// What the tracer didn't show of what the load made; of ours also by its own count.
fn lost(subject: Subject, output: &Path, cores: usize) -> Result<String> {
    let expected = CONNECTIONS * cores * TRANSITIONS;
    if subject != Subject::Ours {
        let shown = BufReader::new(File::open(output)?).lines().count();
        return Ok(format!("{} of {expected} shown", shown.min(expected)));
    }
    let (shown, lost) = shown_and_lost(output)?;
    // The listeners' two are shown too.
    ensure!(shown <= expected + 2 * cores, "{shown} transitions of {expected} are too many");
    Ok(format!("{lost} lost, {shown} of {} shown", expected + 2 * cores))
}

/// What our output shows of the load that the tracepoint knows too, and what it says was lost.
fn shown_and_lost(output: &Path) -> Result<(usize, u64)> {
    let (mut shown, mut end) = (0, None);
    for line in BufReader::new(File::open(output)?).lines() {
        match Event::parse(&line?)? {
            // The tracepoint knows nothing of TIME_WAIT's end.
            Event::Transition(row)
                if row.old_state != "TIME_WAIT" && of_the_load(row.local_port, row.remote_port) =>
            {
                shown += 1;
            }
            Event::End(event) => end = Some(event),
            _ => {}
        }
    }
    Ok((shown, end.context("the tracer's output has no end")?.lost))
}

fn of_the_load(local: Option<u16>, remote: Option<u16>) -> bool {
    local.into_iter().chain(remote).any(|port| load::PORTS.contains(&port))
}

fn prefixed(note: &str) -> String {
    if note.is_empty() { String::new() } else { format!(", {note}") }
}
