//! `rnetstat` with 50,000 sockets, beside `ss` and `netstat`: with owners, without, and by nobody.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{
    Bench,
    crowd::Crowd,
    lister::{Lister, fastest},
    load,
    report::{Report, Target},
};

const SOCKETS: usize = 50_000;

/// Milliseconds of a whole run.
pub fn measure(bench: &Bench, report: &mut Report) -> Result<()> {
    let program = bench.tracer.with_file_name("rnetstat");
    // The build's directory may be closed to others.
    let copy = Copy::of(&program)?;
    let namespace = load::namespace()?;
    let crowd = Crowd::gather(&namespace, SOCKETS)?;
    let nobody = |peers: Vec<Lister>| peers.into_iter().map(Lister::by_nobody).collect();
    let mut groups: [(Lister, Vec<Lister>, f64); 3] = [
        (Lister::new(&program, "-antp"), Lister::installed(&[("ss", "-tanp"), ("netstat", "-antp")]), 8.0),
        (Lister::new(&program, "-ant"), Lister::installed(&[("ss", "-tan")]), 1.0),
        (Lister::new(&copy.0, "-ant").by_nobody(), nobody(Lister::installed(&[("netstat", "-ant")])), 1.0),
    ];
    for _ in 0..bench.rounds {
        for (ours, peers, _) in &mut groups {
            for lister in std::iter::once(ours).chain(peers) {
                lister.run(&namespace, SOCKETS)?;
            }
        }
    }
    drop(crowd);
    for (ours, peers, times) in groups {
        let target = fastest(&peers).map(|fastest| Target::AtMost((fastest / times).round()));
        report.add(ours.figure("netstat", target));
        peers.into_iter().for_each(|peer| report.add(peer.figure("netstat", None)));
    }
    Ok(())
}

/// A copy of the program that everybody may run. It goes with this value.
struct Copy(PathBuf);

impl Copy {
    fn of(program: &Path) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("rnetstat-bench-copy-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let copy = Self(folder.join("rnetstat"));
        std::fs::copy(program, &copy.0).with_context(|| format!("copying {}", program.display()))?;
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // What stays is in the system's directory for what may go.
        let _stays = self.0.parent().map(std::fs::remove_dir_all);
    }
}
