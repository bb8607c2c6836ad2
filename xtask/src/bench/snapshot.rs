//! Seeding the table with 50,000 sockets and their owners, beside `ss -tanp` and `netstat -tanp`.

use std::{collections::HashSet, time::Instant};

use anyhow::{Result, bail, ensure};
use netstat_tests::event::Event;

use super::{
    Bench,
    crowd::Crowd,
    lister::{Lister, fastest},
    load,
    ours::Ours,
    report::{Figure, Report, Target, median},
};

const SOCKETS: usize = 50_000;
/// How a row of the past begins.
const EXISTING: &str = r#"{"event":"existing""#;
const PEERS: [(&str, &str); 2] = [("ss", "-tanp"), ("netstat", "-tanp")];

/// Milliseconds from `start` to the last `existing` row on the pipe, and of the peers' whole run.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let namespace = load::namespace()?;
    let crowd = Crowd::gather(&namespace, SOCKETS)?;
    let (mut ours, mut peers) = (Vec::new(), Lister::installed(&PEERS));
    for _ in 0..bench.rounds {
        ours.push(seed(bench)?);
        for peer in &mut peers {
            peer.run(&namespace, SOCKETS)?;
        }
    }
    drop(crowd);
    let fastest = fastest(&peers);
    report.add(Figure {
        bench: "snapshot",
        subject: "rnetstat-trace --existing".into(),
        unit: "ms",
        note: fastest
            .map(|fastest| format!("{:.1} times faster than the faster peer", fastest / median(&ours)))
            .unwrap_or_default(),
        values: ours,
        target: fastest.map(|fastest| Target::AtMost((fastest / 8.0).round())),
    });
    peers.into_iter().for_each(|peer| report.add(peer.figure("snapshot", None)));
    Ok(())
}

fn seed(bench: &Bench) -> Result<f64> {
    let mut ours = Ours::start(bench, &["--existing", "--port", "10000-10063"])?;
    let (begin, mut lines) = (Instant::now(), Vec::with_capacity(SOCKETS));
    while lines.len() < SOCKETS {
        let line = ours.next_line()?;
        if line.starts_with(EXISTING) {
            lines.push(line.to_owned());
        }
    }
    let took = begin.elapsed().as_secs_f64() * 1e3;
    ours.stop()?;
    // Only now, so that what is measured is the tracer.
    let mut seen = HashSet::new();
    for line in &lines {
        let Event::Existing(found) = Event::parse(line)? else { bail!("not what it began like: {line}") };
        ensure!(found.pid.is_some(), "a socket without its owner: {found:?}");
        ensure!(seen.insert(found.conn), "shown twice: {line}");
    }
    Ok(took)
}
