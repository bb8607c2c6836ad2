//! Requests on connections that stay open: no transition happens.

use std::time::Duration;

use anyhow::Result;

use super::{
    load,
    report::{Figure, Report, Target, median},
    setup::{Bench, output_file, percent_kept},
};

const CONNECTIONS: usize = 100;
const DURATION: Duration = Duration::from_secs(2);

/// Requests/s as a percentage of the untraced ones.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let contenders = &bench.contenders;
    let mut rates = vec![Vec::new(); contenders.len()];
    for _ in 0..bench.rounds {
        for (contender, rates) in contenders.iter().zip(&mut rates) {
            let namespace = load::namespace()?;
            let running = bench.start(*contender, &output_file())?;
            rates.push(load::requests(&namespace, CONNECTIONS, DURATION)?);
            running.stop()?;
        }
    }
    let untraced = &rates[0];
    for (contender, rates) in contenders.iter().zip(&rates) {
        let figure = Figure::new(contender.name(), "% kept", percent_kept(rates, untraced));
        let target = contender.is_ours().then_some(Target::AtLeast(99.0));
        let note = format!("{:.0} requests/s", median(rates));
        report.add(figure.with_target(target).with_note(note));
    }
    Ok(())
}
