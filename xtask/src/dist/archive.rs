//! Archives: `rnetstat-trace-0.1.0-linux-x86_64.tar.gz` or `….zip`, each with one directory of that name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::process::run_quietly;
use crate::workspace;

/// The files of every archive beside the programs.
const DOCUMENTS: [&str; 4] = ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// The archive's name without its extension.
fn name(target: &str) -> String {
    format!("rnetstat-trace-{}-{target}", env!("CARGO_PKG_VERSION"))
}

/// The files of an archive.
fn content(programs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let root = workspace::root()?;
    let documents = DOCUMENTS.iter().map(|name| root.join(name));
    Ok(documents.chain(programs.iter().cloned()).collect())
}

/// Makes a tar archive, for Linux, and returns its path.
pub fn tar(directory: &Path, target: &str, programs: &[PathBuf]) -> Result<PathBuf> {
    let name = name(target);
    let unpacked = directory.join(&name);
    let _not_found = fs::remove_dir_all(&unpacked);
    fs::create_dir(&unpacked)?;
    for file in content(programs)? {
        let target_path = unpacked.join(file.file_name().context("a file without a name")?);
        fs::copy(&file, target_path).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    let archive = directory.join(format!("{name}.tar.gz"));
    let mut tar = Command::new("tar");
    tar.arg("-C")
        .arg(directory)
        .args(["--owner=0", "--group=0", "--sort=name", "-czf"])
        .arg(&archive)
        .arg(&name);
    run_quietly(&mut tar)?;
    fs::remove_dir_all(&unpacked)?;
    Ok(archive)
}

/// Makes a zip archive, for Windows, and returns its path.
pub fn zip(directory: &Path, target: &str, programs: &[PathBuf]) -> Result<PathBuf> {
    let name = name(target);
    let archive = directory.join(format!("{name}.zip"));
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

/// Unpacks a zip archive and returns the path of its directory.
pub fn unzip(archive: &Path, into: &Path) -> Result<PathBuf> {
    let _not_found = fs::remove_dir_all(into);
    ZipArchive::new(File::open(archive)?)?.extract(into)?;
    Ok(into.join(archive.file_stem().context("an archive without a name")?))
}
