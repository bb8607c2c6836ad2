//! A poll of the proc source at 50,000 sockets, beside `ss` and `netstat`, with owners and without.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{
    idle_connections::IdleConnections,
    json_trace::JsonTrace,
    lister::{Lister, add_peers},
    load,
    report::{Figure, Report, Target},
    setup::{Bench, SOCKETS},
};

/// With an interval longer than the run, the source polls twice: at the start and at the end.
const ARGUMENTS: [&str; 6] = ["--source", "proc", "--interval", "1h", "--port", load::PORT_FILTER];
/// The time until the tracer has dropped the rows of the first poll.
const SETTLE: Duration = Duration::from_millis(500);

/// Milliseconds from exec to `start`, which include the first poll with a scan for all owners, and from Ctrl-C to the
/// exit, which include the last poll. For the peers, milliseconds of a whole run.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let namespace = load::namespace()?;
    let idle = IdleConnections::open(&namespace, SOCKETS)?;
    let mut with_owners = Lister::installed(&[("ss", "-tanp"), ("netstat", "-tanp")]);
    let mut without_owners = Lister::installed(&[("ss", "-tan"), ("netstat", "-tan")]);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let trace = JsonTrace::start(bench, &ARGUMENTS)?;
        first.push(trace.startup.as_secs_f64() * 1e3);
        thread::sleep(SETTLE);
        let begin = Instant::now();
        trace.stop()?;
        last.push(begin.elapsed().as_secs_f64() * 1e3);
        for peer in with_owners.iter_mut().chain(&mut without_owners) {
            peer.run(&namespace, SOCKETS)?;
        }
    }
    drop(idle);
    for (case, values, most, peers) in [
        ("proc, first poll + owners", first, 1000.0, with_owners),
        ("proc, next poll", last, 500.0, without_owners),
    ] {
        report.add(Figure::new(case, "ms", values).with_target(Some(Target::AtMost(most))));
        add_peers(peers, report);
    }
    Ok(())
}
