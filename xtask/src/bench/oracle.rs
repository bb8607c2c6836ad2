//! The kernel's own count of the load's transitions: an instance of tracefs that records nothing else.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use super::load;

const INSTANCES: &str = "/sys/kernel/tracing/instances";

/// It counts while this lives.
pub struct Oracle(PathBuf);

impl Oracle {
    /// Begins to count what happens at the load's ports.
    pub fn start() -> Result<Self> {
        let path = PathBuf::from(INSTANCES).join(format!("rnetstat-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("{}: is tracefs mounted?", path.display()))?;
        let oracle = Self(path);
        let event = oracle.0.join("events/sock/inet_sock_set_state");
        let (first, end) = (load::PORTS.start, load::PORTS.end);
        let one = |port| format!("({port} >= {first} && {port} < {end})");
        fs::write(event.join("filter"), format!("{} || {}", one("sport"), one("dport")))?;
        fs::write(event.join("enable"), "1")?;
        Ok(oracle)
    }

    /// How many there were, those included that its buffer has no room for.
    pub fn count(&self) -> Result<u64> {
        let mut count = 0;
        for cpu in fs::read_dir(self.0.join("per_cpu"))? {
            let text = fs::read_to_string(cpu?.path().join("stats"))?;
            for name in ["entries: ", "overrun: "] {
                let value = text.lines().find_map(|line| line.strip_prefix(name)).context("tracefs stats")?;
                count += value.trim().parse::<u64>()?;
            }
        }
        Ok(count)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = fs::write(self.0.join("events/enable"), "0");
        if let Err(error) = fs::remove_dir(&self.0) {
            eprintln!("{} is left behind: {error}", self.0.display());
        }
    }
}
