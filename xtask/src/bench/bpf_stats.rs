//! Turns the sysctl kernel.bpf_stats_enabled on during a measurement.

use anyhow::{Context as _, Result};

const PATH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// The kernel measures the run time of BPF programs. Dropping the value restores the previous setting.
pub struct BpfStats {
    previous: String,
}

impl BpfStats {
    pub fn enable() -> Result<Self> {
        let previous = std::fs::read_to_string(PATH).with_context(|| format!("cannot read {PATH}"))?;
        std::fs::write(PATH, "1").with_context(|| format!("cannot write {PATH}"))?;
        Ok(Self { previous })
    }
}

impl Drop for BpfStats {
    fn drop(&mut self) {
        let previous = self.previous.trim();
        if let Err(error) = std::fs::write(PATH, previous) {
            eprintln!("cannot set {PATH} back to {previous}: {error}");
        }
    }
}
