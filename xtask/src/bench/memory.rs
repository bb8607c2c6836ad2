//! The resident memory of rnetstat-trace with many connections, without the kernel's ring buffer.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};

use super::{
    idle_connections::IdleConnections,
    json_trace::JsonTrace,
    load,
    report::{Figure, Report, Target, median},
    setup::Bench,
};

/// Numbers of connections, with the target in MiB.
const CONNECTIONS: [(usize, Option<f64>); 3] = [(0, None), (100_000, Some(64.0)), (200_000, None)];
/// The time that the tracer gets for its first snapshot.
const SEED: Duration = Duration::from_secs(3);

/// MiB at each number of connections. Each socket counts as one connection: the tracer keeps each endpoint's own.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut empty_mib = 0.0;
    for (connections, most) in CONNECTIONS {
        let namespace = load::namespace()?;
        let idle = IdleConnections::open(&namespace, connections)?;
        let mut values = Vec::new();
        for _ in 0..bench.rounds {
            values.push(resident_mib(bench)?);
        }
        drop(idle);
        let mib = median(&values);
        let note = if connections == 0 {
            empty_mib = mib;
            String::new()
        } else {
            format!("{:.0} bytes a connection", (mib - empty_mib) * f64::from(1 << 20) / connections as f64)
        };
        let figure = Figure::new(format!("{connections} connections"), "MiB", values);
        report.add(figure.with_target(most.map(Target::AtMost)).with_note(note));
    }
    Ok(())
}

/// Sums `Rss` over the mappings of /proc/PID/smaps that are not BPF maps.
fn resident_mib(bench: &Bench) -> Result<f64> {
    let trace = JsonTrace::start(bench, &["--port", load::PORT_FILTER])?;
    thread::sleep(SEED);
    let smaps = std::fs::read_to_string(format!("/proc/{}/smaps", trace.pid()))?;
    trace.stop()?;
    let (mut is_ring, mut kib) = (false, 0);
    for line in smaps.lines() {
        let first_word = line.split(' ').next().unwrap_or_default();
        if let Some(rss) = line.strip_prefix("Rss:") {
            let rss: u64 = rss.trim().trim_end_matches(" kB").parse().context("Rss in smaps")?;
            kib += if is_ring { 0 } else { rss };
        } else if !first_word.ends_with(':') {
            // The first line of a mapping has its addresses and its file.
            is_ring = line.contains("bpf-map");
        }
    }
    Ok(kib as f64 / 1024.0)
}
