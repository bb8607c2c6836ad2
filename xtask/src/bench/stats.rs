//! kernel.bpf_stats_enabled, for as long as something is measured.

use anyhow::{Context as _, Result};

const PATH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The statistics are on while this lives; then they are as they were.
pub struct Stats {
    before: String,
}

impl Stats {
    /// Turns them on.
    pub fn on() -> Result<Self> {
        let before = std::fs::read_to_string(PATH).with_context(|| format!("reading {PATH}"))?;
        std::fs::write(PATH, "1").with_context(|| format!("writing {PATH}"))?;
        Ok(Self { before })
    }
}

impl Drop for Stats {
    fn drop(&mut self) {
        if let Err(error) = std::fs::write(PATH, self.before.trim()) {
            eprintln!("{PATH} could not be set back to {}: {error}", self.before.trim());
        }
    }
}
