//! Connections that stay and carry small requests: nothing opens or closes.

use std::time::Duration;

use anyhow::Result;

use super::{
    Bench, load,
    report::{Figure, Report, Target, median},
    subject::{Subject, scratch},
};

const CONNECTIONS: usize = 100;
const DURATION: Duration = Duration::from_secs(2);

/// Requests/s kept of the untraced rate.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let subjects = &bench.subjects;
    let mut rates = vec![Vec::new(); subjects.len()];
    for _ in 0..bench.rounds {
        for (subject, rates) in subjects.iter().zip(&mut rates) {
            let namespace = load::namespace()?;
            let running = subject.start(&bench.tracer, &scratch())?;
            rates.push(load::requests(&namespace, CONNECTIONS, DURATION)?);
            running.stop()?;
        }
    }
    let untraced = rates[0].clone();
    for (subject, rates) in subjects.iter().zip(rates) {
        report.add(Figure {
            bench: "steady",
            subject: subject.name().into(),
            unit: "% kept",
            values: rates.iter().zip(&untraced).map(|(rate, untraced)| 100.0 * rate / untraced).collect(),
            target: (*subject == Subject::Ours).then_some(Target::AtLeast(99.0)),
            note: format!("{:.0} requests/s", median(&rates)),
        });
    }
    Ok(())
}
