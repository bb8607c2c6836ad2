//! `cargo xtask ebpf`: rebuilds the committed object, or holds it against its sources.

mod compile;
mod digest;
pub mod object;
mod prefix;
mod record;
pub mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

pub use self::digest::of_sources;
pub use self::record::Record;
use self::toolchain::Toolchain;
use crate::workspace;

/// Names the object to embed to netstat-user's build script.
pub const OBJECT_VARIABLE: &str = "RNETSTAT_EBPF_OBJECT";

#[derive(clap::Args)]
pub struct Args {
    /// Write nothing: fail if the committed object was made from other sources, or if the same toolchain
    /// now makes other bytes
    #[arg(long, conflicts_with = "out")]
    check: bool,
    /// Write the object to PATH and leave the committed one alone
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
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

/// The object that is under version control.
pub fn committed() -> Result<PathBuf> {
    Ok(workspace::root()?.join("netstat-ebpf/object/netstat-ebpf.o"))
}

/// Builds the object from its sources and says where it is.
pub fn build_fresh() -> Result<PathBuf> {
    let object = compile::compile(&Toolchain::find()?)?;
    let path = compile::target_dir()?.join("fresh.o");
    write(&path, &object)?;
    Ok(path)
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
        println!("bytes not compared: the committed object was made by another toolchain");
        println!("  by {}", recorded.toolchain);
        return Ok(());
    }
    let path = committed()?;
    let committed = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    if committed != fresh {
        bail!("the same sources and toolchain now make another object: run `cargo xtask ebpf` and commit it");
    }
    println!("the committed object is what these sources and this toolchain make");
    Ok(())
}
