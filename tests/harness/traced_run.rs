//! The scenarios that end with FINs and RSTs, run once beside traces and the kernel's record.

use anyhow::Result;

use crate::{
    compare,
    history::{self, History},
    normalization::Comparison,
    oracle::{ORDINARY, Oracle},
    scenario::{TestNet, close, reset},
    trace::Trace,
    tracer::Tracer,
};

/// How many connections of a run may be left out as unobserved. A run makes about 400 transitions, and of 200,000 transitions
/// at most 40 are made in the context of process 1 while it is busy.
const MAX_UNOBSERVED: usize = 2;

/// A run that has ended.
pub struct TracedRun {
    /// The traces, which have ended too.
    pub traces: Vec<Trace>,
    record: Vec<History>,
    net: TestNet,
}

impl TracedRun {
    /// Starts the traces and runs the scenarios. The addresses are claimed before the traces start, so that the traces have
    /// seen no other user of them.
    pub fn beside(start: impl FnOnce() -> Result<Vec<Tracer>>) -> Result<Self> {
        let net = TestNet::new()?;
        let mut oracle = Oracle::start(ORDINARY, &[&net.addresses])?;
        let tracers = start()?;
        for scenario in close::SCENARIOS.iter().chain(reset::SCENARIOS) {
            net.run(scenario)?;
        }
        let record = history::completed(&mut oracle, &[&net.addresses])?;
        let traces = tracers.into_iter().map(Tracer::stop).collect::<Result<_>>()?;
        Ok(Self { traces, record, net })
    }

    /// Compares each trace with the record.
    pub fn compare(&self, comparison: Comparison) -> Result<()> {
        for trace in &self.traces {
            let rows = trace.rows()?;
            let rows = rows.iter().filter(|row| row.belongs_to(&self.net.addresses));
            compare::with_record(&self.record, rows, comparison.with_unobserved(MAX_UNOBSERVED))?;
        }
        Ok(())
    }
}
