//! A look of the proc source at 50,000 sockets, beside `ss` and `netstat`, with owners and without.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{
    Bench,
    crowd::Crowd,
    lister::Lister,
    load,
    ours::Ours,
    report::{Figure, Report, Target},
};

const SOCKETS: usize = 50_000;
/// With a pause that never ends there are two looks, one at the start and one at the end.
const ARGUMENTS: [&str; 6] = ["--source", "proc", "--interval", "1h", "--port", "10000-10063"];
/// What the first look's rows may take until they are thrown away.
const SETTLE: Duration = Duration::from_millis(500);

/// Milliseconds from exec to `start`, which the first look precedes and all owners' search, and from Ctrl-C to the
/// end, which the last look precedes; of the peers a whole run.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let namespace = load::namespace()?;
    let crowd = Crowd::gather(&namespace, SOCKETS)?;
    let mut with_owners = Lister::installed(&[("ss", "-tanp"), ("netstat", "-tanp")]);
    let mut without = Lister::installed(&[("ss", "-tan"), ("netstat", "-tan")]);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        let ours = Ours::start(bench, &ARGUMENTS)?;
        first.push(ours.started.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(SETTLE);
        let begin = Instant::now();
        ours.stop()?;
        last.push(begin.elapsed().as_secs_f64() * 1e3);
        for peer in with_owners.iter_mut().chain(&mut without) {
            peer.run(&namespace, SOCKETS)?;
        }
    }
    drop(crowd);
    for (subject, values, most, peers) in
        [("proc, with owners", first, 1000.0, with_owners), ("proc, the next look", last, 500.0, without)]
    {
        report.add(Figure {
            bench: "poll",
            subject: subject.into(),
            unit: "ms",
            values,
            target: Some(Target::AtMost(most)),
            note: String::new(),
        });
        peers.into_iter().for_each(|peer| report.add(peer.figure("poll", None)));
    }
    Ok(())
}
