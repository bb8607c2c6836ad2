//! The kernel's own count of the load's transitions, from a tracefs instance that records nothing else.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use super::load;

const INSTANCES: &str = "/sys/kernel/tracing/instances";

/// A tracefs instance that records the load's transitions. Dropping the value removes it.
pub struct TransitionCounter(PathBuf);

impl TransitionCounter {
    /// Starts to record `sock:inet_sock_set_state` at the load's ports.
    pub fn start() -> Result<Self> {
        let path = PathBuf::from(INSTANCES).join(format!("rnetstat-bench-{}", std::process::id()));
        fs::create_dir(&path).with_context(|| format!("{}: is tracefs mounted?", path.display()))?;
        let counter = Self(path);
        let event = counter.0.join("events/sock/inet_sock_set_state");
        let (first, end) = (load::PORTS.start, load::PORTS.end);
        let in_range = |field| format!("({field} >= {first} && {field} < {end})");
        fs::write(event.join("filter"), format!("{} || {}", in_range("sport"), in_range("dport")))?;
        fs::write(event.join("enable"), "1")?;
        Ok(counter)
    }

    /// The recorded transitions, including those that the trace buffer has overwritten since.
    pub fn count(&self) -> Result<u64> {
        let mut count = 0;
        for cpu in fs::read_dir(self.0.join("per_cpu"))? {
            let text = fs::read_to_string(cpu?.path().join("stats"))?;
            for name in ["entries: ", "overrun: "] {
                let value = text.lines().find_map(|line| line.strip_prefix(name));
                let value = value.with_context(|| format!("a tracefs stats file has no line `{name}`"))?;
                count += value.trim().parse::<u64>()?;
            }
        }
        Ok(count)
    }
}

impl Drop for TransitionCounter {
    fn drop(&mut self) {
        let disabled = fs::write(self.0.join("events/enable"), "0");
        if let Err(error) = disabled.and_then(|()| fs::remove_dir(&self.0)) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
