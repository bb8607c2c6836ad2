//! Compiles netstat-ebpf to the bytes of an object that are the same on every machine.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::object::{absolute_paths, blank_crate_hashes, cut_paths_of_core};
use super::paths::{PACKAGE, target_dir};
use super::prefix::remap_flags;
use super::toolchain::{Compiler, TARGET, Toolchain};
use crate::process::run;
use crate::{cargo, workspace};

pub fn compile(toolchain: &Toolchain) -> Result<Vec<u8>> {
    let root = workspace::root()?;
    let mut fetch = toolchain.compiler.command("cargo");
    fetch.args(["fetch", "--quiet", "--target", TARGET]).current_dir(&root);
    run(&mut fetch)?;

    let target_dir = target_dir()?;
    let mut build = toolchain.compiler.command("cargo");
    build.args(["build", "--release", "--package", PACKAGE, "--bin", PACKAGE, "--features", "kernel"]);
    build.args(["--target", TARGET]).arg("--target-dir").arg(&target_dir);
    if matches!(toolchain.compiler, Compiler::Nightly) {
        build.arg("-Zbuild-std=core");
    }
    build.env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &toolchain.linker);
    build.env(cargo::RUSTFLAGS_VARIABLE, cargo::encoded_rustflags(&rustflags(toolchain)?)).current_dir(&root);
    run(&mut build)?;

    let built = target_dir.join(TARGET).join("release").join(PACKAGE);
    let stripped = built.with_extension("stripped.o");
    let mut strip = Command::new(&toolchain.strip);
    strip.arg("--strip-debug").arg("-o").arg(&stripped).arg(&built);
    run(&mut strip)?;

    let mut object = fs::read(&stripped).with_context(|| format!("cannot read {}", stripped.display()))?;
    cut_paths_of_core(&mut object);
    blank_crate_hashes(&mut object);
    if let Some(path) = absolute_paths(&object).first() {
        bail!("the object names a path of this machine, {path}: xtask/src/ebpf/prefix.rs must remap it");
    }
    Ok(object)
}

fn rustflags(toolchain: &Toolchain) -> Result<Vec<OsString>> {
    let mut flags: Vec<OsString> = vec![
        // bpf-linker makes the BTF from DWARF.
        "-Cdebuginfo=2".into(),
        "-Clink-arg=--btf".into(),
        // aya-ebpf's default is the architecture of the building machine. What we use of it is the same for all.
        "--cfg=bpf_target_arch=\"x86_64\"".into(),
    ];
    flags.extend(remap_flags(toolchain)?);
    Ok(flags)
}
