//! Seeding the table with 50,000 sockets and their owners, beside `ss -tanp` and `netstat -tanp`.

use std::{collections::HashSet, time::Instant};

use anyhow::{Result, bail, ensure};
use netstat_tests::event::Event;

use super::{
    idle_connections::IdleConnections,
    json_trace::JsonTrace,
    lister::{Lister, add_peers, fastest},
    load,
    report::{Figure, Report, Target, median},
    setup::{Bench, SOCKETS},
};

/// The first characters of an `existing` row.
const EXISTING: &str = r#"{"event":"existing""#;
const PEERS: [(&str, &str); 2] = [("ss", "-tanp"), ("netstat", "-tanp")];

/// Measures the milliseconds from `start` to the last `existing` row, and those of a complete run of each peer.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let namespace = load::namespace()?;
    let idle = IdleConnections::open(&namespace, SOCKETS)?;
    let (mut ours, mut peers) = (Vec::new(), Lister::installed(&PEERS));
    for _ in 0..bench.rounds {
        ours.push(measure_seeding(bench)?);
        for peer in &mut peers {
            peer.run(&namespace, SOCKETS)?;
        }
    }
    drop(idle);
    let fastest = fastest(&peers);
    let note =
        fastest.map(|fastest| format!("{:.1} times faster than the faster peer", fastest / median(&ours)));
    let target = fastest.map(|fastest| Target::AtMost((fastest / 8.0).round()));
    let figure = Figure::new("rnetstat-trace --existing", "ms", ours);
    report.add(figure.with_target(target).with_note(note.unwrap_or_default()));
    add_peers(peers, report);
    Ok(())
}

fn measure_seeding(bench: &Bench) -> Result<f64> {
    let mut trace = JsonTrace::start(bench, &["--existing", "--port", load::PORT_FILTER])?;
    let (begin, mut lines) = (Instant::now(), Vec::with_capacity(SOCKETS));
    while lines.len() < SOCKETS {
        let line = trace.next_line()?;
        if line.starts_with(EXISTING) {
            lines.push(line.to_owned());
        }
    }
    let time = begin.elapsed().as_secs_f64() * 1e3;
    trace.stop()?;
    // The lines are checked after the measurement, because parsing them is slower than the tracer.
    let mut conns = HashSet::new();
    for line in &lines {
        let Event::Existing(row) = Event::parse(line)? else { bail!("not an `existing` row: {line}") };
        ensure!(row.pid.is_some(), "a socket without an owner: {line}");
        ensure!(conns.insert(row.conn.to_string()), "a second row of one connection: {line}");
    }
    Ok(time)
}
