//! The startup time of rnetstat-trace.

use anyhow::Result;

use super::{
    json_trace::JsonTrace,
    report::{Figure, Report, Target},
    setup::Bench,
};

/// Milliseconds from exec to the `start` event, which follows the attachment of every hook.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut values = Vec::new();
    for _ in 0..bench.rounds {
        let trace = JsonTrace::start(bench, &[])?;
        values.push(trace.startup.as_secs_f64() * 1e3);
        trace.stop()?;
    }
    report.add(Figure::new("rnetstat-trace", "ms", values).with_target(Some(Target::AtMost(100.0))));
    Ok(())
}
