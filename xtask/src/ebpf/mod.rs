//! `cargo xtask ebpf`: rebuilds the committed eBPF object, or checks it against its sources.

mod compile;
mod digest;
pub mod object;
mod paths;
mod prefix;
mod record;
pub mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

pub use self::digest::of_sources;
pub use self::paths::committed;
pub use self::record::Record;
use self::toolchain::Toolchain;

/// The environment variable that names the object that netstat-user's build script embeds.
pub const OBJECT_VARIABLE: &str = "RNETSTAT_EBPF_OBJECT";

#[derive(clap::Args)]
pub struct Args {
    /// Write nothing; fail if the committed object was made from other sources, or if the same toolchain
    /// makes other bytes from them
    #[arg(long, conflicts_with = "out")]
    check: bool,
    /// Write the object to PATH instead of the committed one
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// An object that was built from the present sources.
pub struct Fresh {
    pub path: PathBuf,
    /// Whether its bytes are those of the committed object.
    pub is_committed: bool,
}

pub fn ebpf(args: &Args) -> Result<ExitCode> {
    let toolchain = Toolchain::find()?;
    println!("building with {toolchain}");
    let object = compile::compile(&toolchain)?;
    let record = Record { toolchain: toolchain.versions(), sources: of_sources()? };
    if args.check {
        check(&object, &record)?;
    } else if let Some(out) = &args.out {
        write(out, &object)?;
    } else {
        write(&committed()?, &object)?;
        record.write()?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the object from its sources, beside the committed one.
pub fn build_fresh() -> Result<Fresh> {
    let object = compile::compile(&Toolchain::find()?)?;
    let path = paths::target_dir()?.join("fresh.o");
    write(&path, &object)?;
    Ok(Fresh { path, is_committed: object == read_committed()? })
}

fn read_committed() -> Result<Vec<u8>> {
    let path = committed()?;
    fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, object: &[u8]) -> Result<()> {
    fs::write(path, object).with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}: {} bytes", path.display(), object.len());
    Ok(())
}

fn check(fresh: &[u8], present: &Record) -> Result<()> {
    let recorded = Record::read()?;
    if recorded.sources != present.sources {
        bail!("the committed eBPF object was made from other sources: run `cargo xtask ebpf` and commit it");
    }
    if recorded.toolchain != present.toolchain {
        println!("bytes not compared: another toolchain made the committed object");
        println!("  {}", recorded.toolchain);
        return Ok(());
    }
    if fresh != read_committed()? {
        bail!(
            "the same sources and toolchain make other bytes: run `cargo xtask ebpf` and commit the object"
        );
    }
    println!("the committed object is the one that these sources and this toolchain make");
    Ok(())
}
