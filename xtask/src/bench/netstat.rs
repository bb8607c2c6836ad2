//! `rnetstat` with 50,000 sockets, beside `ss` and `netstat`: with owners, without owners, and as nobody.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{
    idle_connections::IdleConnections,
    lister::{Lister, add_peers, fastest},
    load,
    report::{Report, Target},
    setup::{Bench, SOCKETS},
};

/// Measures the milliseconds of a complete run.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let program = bench.tracer.with_file_name("rnetstat");
    // The user nobody may not be allowed into the target directory.
    let copy = Copy::of(&program)?;
    let namespace = load::namespace()?;
    let idle = IdleConnections::open(&namespace, SOCKETS)?;
    let run_by_nobody = |peers: Vec<Lister>| peers.into_iter().map(Lister::run_by_nobody).collect();
    // Each with its peers, and how many times faster than the fastest of them it should be.
    let mut groups: [(Lister, Vec<Lister>, f64); 3] = [
        (Lister::new(&program, "-antp"), Lister::installed(&[("ss", "-tanp"), ("netstat", "-antp")]), 8.0),
        (Lister::new(&program, "-ant"), Lister::installed(&[("ss", "-tan")]), 1.0),
        (
            Lister::new(&copy.0, "-ant").run_by_nobody(),
            run_by_nobody(Lister::installed(&[("netstat", "-ant")])),
            1.0,
        ),
    ];
    for _ in 0..bench.rounds {
        for (ours, peers, _) in &mut groups {
            for lister in std::iter::once(ours).chain(peers) {
                lister.run(&namespace, SOCKETS)?;
            }
        }
    }
    drop(idle);
    for (ours, peers, times) in groups {
        let target = fastest(&peers).map(|fastest| Target::AtMost((fastest / times).round()));
        report.add(ours.into_figure(target));
        add_peers(peers, report);
    }
    Ok(())
}

/// A copy of a program that every user may run. Dropping the value removes it.
struct Copy(PathBuf);

impl Copy {
    fn of(program: &Path) -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("rnetstat-bench-copy-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let copy = Self(directory.join("rnetstat"));
        std::fs::copy(program, &copy.0).with_context(|| format!("cannot copy {}", program.display()))?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if let Some(directory) = self.0.parent()
            && let Err(error) = std::fs::remove_dir_all(directory)
        {
            eprintln!("cannot remove {}: {error}", directory.display());
        }
    }
}
