//! Resident memory with many connections, the kernel's ring not counted.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};

use super::{
    Bench,
    crowd::Crowd,
    load,
    ours::Ours,
    report::{Figure, Report, Target, median},
};

/// How many, and what ours may take, MiB.
const CONNECTIONS: [(usize, Option<f64>); 3] = [(0, None), (100_000, Some(64.0)), (200_000, None)];

/// How long the first look may take.
const SEEDED: Duration = Duration::from_secs(3);

/// MiB with each number of connections; each connection is one end.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let mut empty_mib = 0.0;
    for (connections, most) in CONNECTIONS {
        let namespace = load::namespace()?;
        let crowd = Crowd::gather(&namespace, connections)?;
        let mut values = Vec::new();
        for _ in 0..bench.rounds {
            values.push(resident_mib(bench)?);
        }
        drop(crowd);
        let mib = median(&values);
        let note = if connections == 0 {
            empty_mib = mib;
            String::new()
        } else {
            format!("{:.0} bytes a connection", (mib - empty_mib) * f64::from(1 << 20) / connections as f64)
        };
        report.add(Figure {
            bench: "memory",
            subject: format!("{connections} connections"),
            unit: "MiB",
            values,
            target: most.map(Target::AtMost),
            note,
        });
    }
    Ok(())
}

fn resident_mib(bench: &Bench) -> Result<f64> {
    let ours = Ours::start(bench, &["--port", "10000-10063"])?;
    thread::sleep(SEEDED);
    let text = std::fs::read_to_string(format!("/proc/{}/smaps", ours.pid()))?;
    ours.stop()?;
    let (mut is_ring, mut kib) = (false, 0);
    for line in text.lines() {
        let first = line.split(' ').next().unwrap_or_default();
        if let Some(rss) = line.strip_prefix("Rss:") {
            let rss: u64 = rss.trim().trim_end_matches(" kB").parse().context("Rss in smaps")?;
            kib += if is_ring { 0 } else { rss };
        } else if !first.ends_with(':') {
            // A mapping's first line: its addresses, and what is mapped.
            is_ring = line.contains("bpf-map");
        }
    }
    Ok(kib as f64 / 1024.0)
}
