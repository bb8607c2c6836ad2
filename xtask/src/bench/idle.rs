//! The wakeups and the CPU time of a tracer while no connection changes.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{
    report::{Figure, Report, Target},
    setup::{Bench, output_file},
    usage,
};

/// The time until the tracer's repeated scans for the owners of existing connections are far apart.
const SETTLE: Duration = Duration::from_secs(3);
const DURATION: Duration = Duration::from_secs(5);

/// Wakeups/s, and the percentage of one CPU.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    for contender in bench.processes() {
        let (mut wakeups, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..bench.rounds {
            let running = bench.start(contender, &output_file())?;
            thread::sleep(SETTLE);
            let before = (usage::sleeps(running.pid())?, running.cpu_seconds()?);
            thread::sleep(DURATION);
            let after = (usage::sleeps(running.pid())?, running.cpu_seconds()?);
            running.stop()?;
            wakeups.push((after.0 - before.0) as f64 / DURATION.as_secs_f64());
            cpu.push(100.0 * (after.1 - before.1) / DURATION.as_secs_f64());
        }
        for (unit, values, target) in
            [("wakeups/s", wakeups, Target::AtMost(2.0)), ("% of a CPU", cpu, Target::AtMost(0.1))]
        {
            let target = contender.is_ours().then_some(target);
            report.add(Figure::new(contender.name(), unit, values).with_target(target));
        }
    }
    Ok(())
}
