//! `cargo xtask dist`: builds self-contained programs, runs each on its kind of system, and packs them.

mod archive;
mod target;
mod trial;
mod wine;

use std::fs;
use std::process::ExitCode;

use anyhow::{Result, bail};

use self::target::{TARGETS, Trial};
use crate::workspace;

#[derive(clap::Args)]
pub struct Args {
    /// Only one target: linux-x86_64, linux-aarch64 or windows-x86_64
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

pub fn dist(args: &Args) -> Result<ExitCode> {
    let directory = workspace::target_dir()?.join("dist");
    fs::create_dir_all(&directory)?;
    let wanted = |name: &str| args.only.as_deref().is_none_or(|one| one == name);
    let mut archives = Vec::new();
    for target in TARGETS.iter().filter(|target| wanted(target.name)) {
        let programs = target.build(&directory)?;
        archives.push(match target.trial {
            Trial::Guest { architecture } => {
                trial::run_in_guests(architecture, &programs)?;
                archive::tar(&directory, target.name, &programs)?
            }
            Trial::Wine => {
                let archive = archive::zip(&directory, target.name, &programs)?;
                wine::run_under_wine(&archive::unzip(&archive, &directory.join("unzipped"))?)?;
                archive
            }
        });
    }
    if archives.is_empty() {
        let names = TARGETS.map(|target| target.name).join(", ");
        bail!("--only {}: no such target, use one of {names}", args.only.as_deref().unwrap_or_default());
    }
    archives.iter().for_each(|archive| println!("{}", archive.display()));
    Ok(ExitCode::SUCCESS)
}
