//! What a process uses, as /proc reports it: BPF programs, CPU time, voluntary context switches.

use anyhow::{Context as _, Result};

/// The BPF programs that a process holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct BpfPrograms {
    /// The number of links and open raw tracepoints.
    pub attached: usize,
    /// The sum of their run times in nanoseconds, measured while kernel.bpf_stats_enabled is 1.
    pub run_time_ns: u64,
}

/// Reads /proc/PID/fdinfo (`bpf_prog_show_fdinfo`, `bpf_link_show_fdinfo`, kernel/bpf/syscall.c).
pub fn bpf_programs(pid: u32) -> Result<BpfPrograms> {
    let mut programs = BpfPrograms::default();
    let mut counted = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/fdinfo"))? {
        let entry = entry?;
        // The process may have closed the descriptor since the directory was read.
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
        if !counted.contains(&id) {
            counted.push(id);
            programs.run_time_ns += run_time_ns;
        }
    }
    Ok(programs)
}

/// CPU time of all threads in user and kernel mode, seconds.
pub fn cpu_seconds(pid: u32) -> Result<f64> {
    let mut total_ns = 0;
    for schedstat in of_threads(pid, "schedstat")? {
        let ns = schedstat.split(' ').next().and_then(|ns| ns.parse::<u64>().ok());
        total_ns += ns.with_context(|| format!("schedstat doesn't begin with a number: {schedstat:?}"))?;
    }
    Ok(total_ns as f64 / 1e9)
}

/// How often a thread of the process went to sleep voluntarily. Each time it was woken later.
pub fn sleeps(pid: u32) -> Result<u64> {
    let mut total = 0;
    for status in of_threads(pid, "status")? {
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        total += count.context("no voluntary_ctxt_switches in status")?.trim().parse::<u64>()?;
    }
    Ok(total)
}

/// The contents of a file in /proc/PID/task/TID, for each thread.
fn of_threads(pid: u32, file: &str) -> Result<Vec<String>> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    tasks.map(|task| Ok(std::fs::read_to_string(task?.path().join(file))?)).collect()
}
