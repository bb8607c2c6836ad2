//! The setup of every benchmark, and the number of sockets in those that list sockets.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::contender::{self, Contender};

/// The sockets of the benchmarks that list them.
pub const SOCKETS: usize = 50_000;

/// The setup of one run of `cargo xtask bench`.
pub struct Bench {
    /// How often each figure is measured.
    pub rounds: u16,
    /// Everything that is compared, [`Contender::Untraced`] first.
    pub contenders: Vec<Contender>,
    /// The path of rnetstat-trace.
    pub tracer: PathBuf,
}

impl Bench {
    /// Finds the contenders that work on this machine.
    pub fn new(rounds: u16, tracer: PathBuf) -> Self {
        Self { rounds, contenders: contender::find(&tracer), tracer }
    }

    /// The contenders that are processes, and so use CPU and memory of their own.
    pub fn processes(&self) -> impl Iterator<Item = Contender> {
        self.contenders.iter().copied().filter(|contender| contender.is_process())
    }

    /// Starts a contender, with its output in a file.
    pub fn start(&self, contender: Contender, output: &Path) -> Result<contender::Running> {
        contender.start(&self.tracer, output)
    }
}

/// The file for a contender's output.
pub fn output_file() -> PathBuf {
    std::env::temp_dir().join(format!("rnetstat-bench-{}", std::process::id()))
}

/// Each round's value as a percentage of the untraced one of the same round: the machine's speed changes between
/// rounds.
pub fn percent_kept(rates: &[f64], untraced: &[f64]) -> Vec<f64> {
    rates.iter().zip(untraced).map(|(rate, untraced)| 100.0 * rate / untraced).collect()
}
