//! Lists the targets, and builds them with cargo-fuzz.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::Folders;
use crate::cargo::{self, RUSTFLAGS_VARIABLE};
use crate::process;

/// The names of all targets, sorted.
pub fn targets(folders: &Folders) -> Result<Vec<String>> {
    let folder = folders.package.join("targets");
    let cannot_list = || format!("cannot list {}", folder.display());
    let mut targets = Vec::new();
    for entry in fs::read_dir(&folder).with_context(cannot_list)? {
        let path = entry.with_context(cannot_list)?.path();
        targets.extend(path.file_stem().and_then(OsStr::to_str).map(str::to_owned));
    }
    targets.sort();
    Ok(targets)
}

/// Builds the targets' programs, and returns their directory.
///
/// # Errors
/// A tool is missing: the error says how to install it. Or the build fails.
pub fn build(folders: &Folders, targets: &[String], with_address_sanitizer: bool) -> Result<PathBuf> {
    if which::which("cargo-fuzz").is_err() {
        bail!("cargo-fuzz is missing: run `cargo install cargo-fuzz`");
    }
    let compiler = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if which::which(&compiler).is_err() {
        bail!("libFuzzer needs a C++ compiler, and there is no {}: install g++", compiler.display());
    }
    let triple = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let mut command = cargo::command("fuzz")?;
    command.arg("build").arg("--fuzz-dir").arg(&folders.package);
    command.args(["--features", "fuzzing", "--debug-assertions", "--target", &triple]);
    // The address sanitizer is an unstable option of stable compilers, and makes the targets slower.
    if with_address_sanitizer {
        command.args(["--sanitizer", "address"]).env("RUSTC_BOOTSTRAP", "1");
    } else {
        command.args(["--sanitizer", "none"]);
    }
    command.arg("--target-dir").arg(&folders.target);
    // cargo-fuzz builds all targets if it gets no name, and takes no more than one.
    if let [target] = targets {
        command.arg(target);
    }
    command.env_remove(RUSTFLAGS_VARIABLE);
    process::run(&mut command).context("the fuzz targets can't be built")?;
    Ok(folders.target.join(triple).join("release"))
}
