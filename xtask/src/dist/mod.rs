//! `cargo xtask dist`: static programs in archives, each run once on a kernel of its kind of machine.

mod target;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use self::target::TARGETS;
use crate::kernels::packages::run;
use crate::workspace;

/// What every archive holds beside the programs.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

#[derive(clap::Args)]
pub struct Args {
    /// Only for this kind of machine: x86_64, aarch64
    #[arg(long)]
    machine: Option<String>,
}

pub fn dist(args: &Args) -> Result<ExitCode> {
    let folder = workspace::target_dir()?.join("dist");
    fs::create_dir_all(&folder)?;
    for target in
        TARGETS.iter().filter(|target| args.machine.as_deref().is_none_or(|one| one == target.machine))
    {
        let programs = target.build(&folder)?;
        trial::run_in_a_guest(target.machine, &programs)?;
        println!("{}", archive(&folder, target.machine, &programs)?.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// `rnetstat-trace-0.1.0-linux-x86_64.tar.gz`, which unpacks into a folder of that name.
fn archive(folder: &Path, machine: &str, programs: &[PathBuf]) -> Result<PathBuf> {
    let name = format!("rnetstat-trace-{}-linux-{machine}", env!("CARGO_PKG_VERSION"));
    let content = folder.join(&name);
    let _was_not_there = fs::remove_dir_all(&content);
    fs::create_dir(&content)?;
    let root = workspace::root()?;
    let papers = PAPERS.iter().map(|paper| root.join(paper));
    for file in papers.chain(programs.iter().cloned()) {
        let target = content.join(file.file_name().context("a file without a name")?);
        fs::copy(&file, target).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    let archive = folder.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.arg("-C")
        .arg(folder)
        .args(["--owner=0", "--group=0", "--sort=name", "-czf"])
        .arg(&archive)
        .arg(&name);
    run(&mut tar)?;
    fs::remove_dir_all(&content)?;
    Ok(archive)
}
