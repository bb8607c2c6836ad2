//! From the sources in netstat-ebpf to the bytes of an object, the same on every machine.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::object::{absolute_paths, blank_crate_hashes, cut_paths_of_core};
use super::prefix::remap_flags;
use super::toolchain::{Compiler, TARGET, Toolchain};
use crate::workspace;

const PACKAGE: &str = "netstat-ebpf";

/// The kernel side's own target directory: host builds keep their caches.
pub fn target_dir() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("ebpf"))
}

pub fn compile(toolchain: &Toolchain) -> Result<Vec<u8>> {
    let root = workspace::root()?;
    let mut fetch = toolchain.compiler.command("cargo");
    fetch.args(["fetch", "--quiet", "--target", TARGET]).current_dir(&root);
    run(fetch)?;

    let target_dir = target_dir()?;
    let mut build = toolchain.compiler.command("cargo");
    build.args(["build", "--release", "--package", PACKAGE, "--bin", PACKAGE, "--features", "kernel"]);
    build.args(["--target", TARGET]).arg("--target-dir").arg(&target_dir);
    if matches!(toolchain.compiler, Compiler::Nightly) {
        build.arg("-Zbuild-std=core");
    }
    build.env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &toolchain.linker);
    build.env("CARGO_ENCODED_RUSTFLAGS", rustflags(toolchain)?).current_dir(&root);
    run(build)?;

    let built = target_dir.join(TARGET).join("release").join(PACKAGE);
    let stripped = built.with_extension("stripped.o");
    let mut strip = Command::new(&toolchain.strip);
    strip.arg("--strip-debug").arg("-o").arg(&stripped).arg(&built);
    run(strip)?;

    let mut object = fs::read(&stripped).with_context(|| format!("cannot read {}", stripped.display()))?;
    cut_paths_of_core(&mut object);
    blank_crate_hashes(&mut object);
    if let Some(path) = absolute_paths(&object).first() {
        bail!("the object names a path of this machine, {path}: xtask/src/ebpf/prefix.rs must remap it");
    }
    Ok(object)
}

/// Separated as cargo wants it.
fn rustflags(toolchain: &Toolchain) -> Result<OsString> {
    let mut flags: Vec<OsString> = vec![
        // BTF is made from DWARF.
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        // aya-ebpf's default is the building machine's; nothing that we use differs.
        "--cfg=bpf_target_arch=\"x86_64\"".into(),
    ];
    flags.extend(remap_flags(toolchain)?);
    Ok(flags.join("\x1f".as_ref()))
}

fn run(mut command: Command) -> Result<()> {
    let program = command.get_program().to_owned();
    let status = command.status().with_context(|| format!("cannot run {}", program.display()))?;
    if !status.success() {
        bail!("{} failed, see above", program.display());
    }
    Ok(())
}
