//! Nothing happens: how often the tracer wakes, and what it takes.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{
    Bench, fdinfo,
    report::{Figure, Report, Target},
    subject::{Subject, scratch},
};

/// What the looks for the holders of the connections that were there take until they are far apart.
const SETTLE: Duration = Duration::from_secs(3);
const DURATION: Duration = Duration::from_secs(5);

/// Wakeups/s and CPU of the process.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    for subject in bench.subjects.iter().copied() {
        if subject.is_nobody() {
            continue;
        }
        let (mut wakeups, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let running = subject.start(&bench.tracer, &scratch())?;
            thread::sleep(SETTLE);
            let before = (fdinfo::sleeps(running.pid())?, fdinfo::cpu_seconds(running.pid())?);
            thread::sleep(DURATION);
            let after = (fdinfo::sleeps(running.pid())?, fdinfo::cpu_seconds(running.pid())?);
            running.stop()?;
            wakeups.push((after.0 - before.0) as f64 / DURATION.as_secs_f64());
            cpu.push(100.0 * (after.1 - before.1) / DURATION.as_secs_f64());
        }
        let is_ours = subject == Subject::Ours;
        for (unit, values, target) in
            [("wakeups/s", wakeups, Target::AtMost(2.0)), ("% of a CPU", cpu, Target::AtMost(0.1))]
        {
            report.add(Figure {
                bench: "idle",
                subject: subject.name().into(),
                unit,
                values,
                target: is_ours.then_some(target),
                note: String::new(),
            });
        }
    }
    Ok(())
}
