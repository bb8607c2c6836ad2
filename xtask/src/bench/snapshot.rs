//! Seeding the table with 50,000 sockets and their owners, beside `ss -tanp` and `netstat -tanp`.

use std::{collections::HashSet, time::Instant};

use anyhow::{Result, ensure};
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
    let (begin, mut seen) = (Instant::now(), HashSet::new());
    while seen.len() < SOCKETS {
        if let Event::Existing(found) = ours.next()? {
            ensure!(found.pid.is_some(), "a socket without its owner: {found:?}");
            ensure!(seen.insert(found.conn.clone()), "shown twice: {found:?}");
        }
    }
    let took = begin.elapsed().as_secs_f64() * 1e3;
    ours.stop()?;
    Ok(took)
}
