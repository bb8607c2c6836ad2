//! An archive of a system's own kind: `rnetstat-trace-0.1.0-linux-x86_64.tar.gz` or `….zip`, which unpacks into a folder
//! of that name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::process::run_quietly;
use crate::workspace;

/// What every archive holds beside the programs.
const PAPERS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The archive's name without its ending.
fn name(target: &str) -> String {
    format!("rnetstat-trace-{}-{target}", env!("CARGO_PKG_VERSION"))
}

/// The papers and the programs.
fn content(programs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let root = workspace::root()?;
    let papers = PAPERS.iter().map(|paper| root.join(paper));
    Ok(papers.chain(programs.iter().cloned()).collect())
}

/// For Linux.
pub fn tar(folder: &Path, target: &str, programs: &[PathBuf]) -> Result<PathBuf> {
    let name = name(target);
    let packed = folder.join(&name);
    let _was_not_there = fs::remove_dir_all(&packed);
    fs::create_dir(&packed)?;
    for file in content(programs)? {
        let place = packed.join(file.file_name().context("a file without a name")?);
        fs::copy(&file, place).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    let archive = folder.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.arg("-C")
        .arg(folder)
        .args(["--owner=0", "--group=0", "--sort=name", "-czf"])
        .arg(&archive)
        .arg(&name);
    run_quietly(&mut tar)?;
    fs::remove_dir_all(&packed)?;
    Ok(archive)
}

/// For Windows.
pub fn zip(folder: &Path, target: &str, programs: &[PathBuf]) -> Result<PathBuf> {
    let name = name(target);
    let archive = folder.join(format!("{name}.zip"));
    let file = File::create(&archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let mut zip = ZipWriter::new(file);
    for file in content(programs)? {
        let inside = file.file_name().context("a file without a name")?.to_string_lossy().into_owned();
        zip.start_file(format!("{name}/{inside}"), SimpleFileOptions::default())?;
        let mut content = File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
        io::copy(&mut content, &mut zip)?;
    }
    zip.finish()?;
    Ok(archive)
}

/// Unpacks a zip; says where its folder is.
pub fn unzip(archive: &Path, into: &Path) -> Result<PathBuf> {
    let _was_not_there = fs::remove_dir_all(into);
    ZipArchive::new(File::open(archive)?)?.extract(into)?;
    Ok(into.join(archive.file_stem().context("an archive without a name")?))
}
