//! From exec to attached.

use anyhow::Result;

use super::{
    Bench,
    ours::Ours,
    report::{Figure, Report, Target},
};

/// Milliseconds until the `start` event has come: every hook is attached then.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut values = Vec::new();
    for _ in 0..bench.rounds {
        let ours = Ours::start(bench, &[])?;
        values.push(ours.started.elapsed().as_secs_f64() * 1e3);
        ours.stop()?;
    }
    report.add(Figure {
        bench: "start",
        subject: "rnetstat-trace".into(),
        unit: "ms",
        values,
        target: Some(Target::AtMost(100.0)),
        note: String::new(),
    });
    Ok(())
}
