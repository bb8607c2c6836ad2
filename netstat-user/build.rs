//! Chooses the eBPF object that the product embeds.

use std::env;
use std::path::{Path, PathBuf};

/// The absolute path of an object to embed instead of the committed one.
const CHOSEN: &str = "RNETSTAT_EBPF_OBJECT";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={CHOSEN}");
    if env::var_os("CARGO_CFG_TARGET_OS").is_none_or(|system| system != "linux") {
        return;
    }
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../netstat-ebpf/object/netstat-ebpf.o");
    let object = env::var_os(CHOSEN).map_or(committed, PathBuf::from);
    println!("cargo::rerun-if-changed={}", object.display());
    if !object.is_absolute() {
        println!("cargo::error={CHOSEN} is not an absolute path: {}", object.display());
    } else if !object.is_file() {
        println!("cargo::error=no eBPF object at {}: run `cargo xtask ebpf`", object.display());
    }
    println!("cargo::rustc-env=RNETSTAT_EBPF_OBJECT_PATH={}", object.display());
}
