//! What the kernel tells of the BPF programs that a process holds, and of the CPU that it used.

use anyhow::{Context as _, Result};

/// Sums over a process's programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Programs {
    /// How many links or open raw tracepoints there are.
    pub attached: usize,
    /// Their run time, while kernel.bpf_stats_enabled is 1, nanoseconds.
    pub run_time_ns: u64,
    /// How often they ran meanwhile.
    pub runs: u64,
}

/// Reads /proc/PID/fdinfo (`bpf_prog_show_fdinfo`, `bpf_link_show_fdinfo`, kernel/bpf/syscall.c).
pub fn programs(pid: u32) -> Result<Programs> {
    let mut programs = Programs::default();
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let entry = entry?;
        // A descriptor may be closed meanwhile.
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        let file =
            std::fs::read_link(format!("/proc/{pid}/fd/{}", entry.file_name().display())).unwrap_or_default();
        let field = |name: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse::<u64>().ok())
        };
        if field("link_id").is_some() || file.ends_with("anon_inode:[perf_event]") {
            programs.attached += 1;
            continue;
        }
        let (Some(id), Some(run_time_ns)) = (field("prog_id"), field("run_time_ns")) else { continue };
        if !seen.contains(&id) {
            seen.push(id);
            programs.run_time_ns += run_time_ns;
            programs.runs += field("run_cnt").unwrap_or(0);
        }
    }
    Ok(programs)
}

/// CPU of the process in user and kernel mode, seconds.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat"))?;
    let own_ns: u64 = text.split(' ').next().and_then(|ns| ns.parse().ok()).context("schedstat")?;
    let mut total_ns = own_ns;
    for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let entry = entry?;
        if entry.file_name().to_str() == Some(&pid.to_string()) {
            continue;
        }
        let text = std::fs::read_to_string(entry.path().join("schedstat"))?;
        total_ns += text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).context("schedstat")?;
    }
    Ok(total_ns as f64 / 1e9)
}

/// How often the process's threads have gone to sleep of themselves, and so have been woken.
pub fn sleeps(pid: u32) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(entry?.path().join("status"))?;
        let count = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        total += count.context("no voluntary_ctxt_switches")?.trim().parse::<u64>()?;
    }
    Ok(total)
}
