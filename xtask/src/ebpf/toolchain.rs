//! Finds the compiler, linker and strip of this machine that build for BPF.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::record::Versions;
use crate::process::stdout_of;

pub const TARGET: &str = "bpfel-unknown-none";

const NO_COMPILER: &str = "no Rust compiler here builds for BPF: \
    on Debian `apt-get install rustc-web cargo-web libstd-rust-web-dev-bpf rust-web-src`, \
    elsewhere `rustup toolchain install nightly --component rust-src`";
const NO_LINKER: &str = "bpf-linker is not installed: `cargo install bpf-linker`, \
    on Debian with the options that CONTRIBUTING.md names";

/// The directory of the standard library's sources, below the sysroot.
const RUST_SOURCES: &str = "lib/rustlib/src/rust";

/// The programs that build the object.
pub struct Toolchain {
    pub compiler: Compiler,
    sysroot: PathBuf,
    pub linker: PathBuf,
    pub strip: PathBuf,
    versions: Versions,
}

/// A compiler that has a `core` for BPF, or can compile one.
pub enum Compiler {
    /// This rustc has a precompiled `core` for BPF, and its sources.
    CompiledCore(PathBuf),
    /// rustup's nightly, which has the sources of `core`.
    Nightly,
}

impl Toolchain {
    pub fn find() -> Result<Self> {
        let compiler = with_sources()?;
        let sysroot = compiler.sysroot().context("rustc --print sysroot failed")?;
        let verbose = stdout_of(compiler.command("rustc").arg("-vV"))?;
        let field = |name: &str| {
            let line = verbose.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.map(str::to_owned).with_context(|| format!("the output of rustc -vV has no `{name}`"))
        };
        let (llvm, host) = (field("LLVM version")?, field("host")?);
        let llvm_major = llvm.split('.').next().unwrap_or_default();
        let linker = linker().context(NO_LINKER)?;
        let strip = strip(llvm_major, &sysroot.join("lib/rustlib").join(host).join("bin"));
        let strip = strip.with_context(|| no_strip(llvm_major))?;
        let versions = Versions {
            rustc: verbose.lines().next().unwrap_or_default().to_owned(),
            llvm,
            bpf_linker: stdout_of(clean(&linker).arg("--version"))?.trim().to_owned(),
        };
        Ok(Self { compiler, sysroot, linker, strip, versions })
    }

    /// The directory of the standard library's sources.
    pub fn rust_sources(&self) -> PathBuf {
        self.sysroot.join(RUST_SOURCES)
    }

    pub fn versions(self) -> Versions {
        self.versions
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.versions.fmt(f)
    }
}

impl Compiler {
    /// `cargo` or `rustc` of this toolchain, without the environment of the cargo that runs xtask.
    pub fn command(&self, program: &str) -> Command {
        match self {
            Self::CompiledCore(rustc) => {
                let sibling = rustc.with_file_name(program);
                let mut command = if sibling.exists() { clean(sibling) } else { clean(program) };
                // BPF targets need unstable features.
                command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
                command
            }
            Self::Nightly => {
                let mut command = clean("rustup");
                command.args(["run", "nightly", program]);
                command
            }
        }
    }

    fn sysroot(&self) -> Option<PathBuf> {
        let sysroot = stdout_of(self.command("rustc").args(["--print", "sysroot"])).ok()?;
        Some(PathBuf::from(sysroot.trim()))
    }
}

/// A compiler that has the sources of `core` and `std` and accepts unstable features.
pub fn with_sources() -> Result<Compiler> {
    with_compiled_core().or_else(nightly).context(NO_COMPILER)
}

fn with_compiled_core() -> Option<Compiler> {
    let chosen = env::var_os("RUSTC").map(PathBuf::from);
    let on_path = which::which_all("rustc").into_iter().flatten();
    let rustcs = chosen.into_iter().chain(on_path).chain([PathBuf::from("/usr/bin/rustc")]);
    rustcs.map(Compiler::CompiledCore).find(|compiler| {
        let sysroot = compiler.sysroot();
        // LLVM copies source lines into the BTF if it finds the files, so the sources influence the object, too.
        sysroot.is_some_and(|root| root.join("lib/rustlib").join(TARGET).exists() && has_core_sources(&root))
    })
}

fn nightly() -> Option<Compiler> {
    has_core_sources(&Compiler::Nightly.sysroot()?).then_some(Compiler::Nightly)
}

fn has_core_sources(sysroot: &Path) -> bool {
    sysroot.join(RUST_SOURCES).join("library/core").exists()
}

fn linker() -> Option<PathBuf> {
    let installed = cargo_home().map(|home| home.join("bin/bpf-linker"));
    which::which("bpf-linker").ok().or_else(|| installed.filter(|path| path.exists()))
}

/// Cargo's home directory, in which it unpacks packages and installs programs.
pub fn cargo_home() -> Option<PathBuf> {
    let named = env::var_os("CARGO_HOME").map(PathBuf::from);
    named.or_else(|| Some(env::home_dir()?.join(".cargo")))
}

/// Prefers the strip of rustc's LLVM version, because an older strip may not understand a newer LLVM's output.
fn strip(llvm_major: &str, tools: &Path) -> Option<PathBuf> {
    let candidates = [
        PathBuf::from(format!("llvm-strip-{llvm_major}")),
        PathBuf::from(format!("/usr/lib/llvm-{llvm_major}/bin/llvm-strip")),
        tools.join("llvm-strip"),
        PathBuf::from("llvm-strip"),
    ];
    candidates.into_iter().find_map(|candidate| which::which(candidate).ok())
}

fn no_strip(llvm_major: &str) -> String {
    format!(
        "llvm-strip is not installed: `apt-get install llvm-{llvm_major}`, \
        or `rustup component add llvm-tools --toolchain nightly`"
    )
}

/// A command without the environment variables that would change how it builds. Cargo's settings of where to fetch from
/// stay.
fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os().filter(|(name, _)| changes_builds(name)) {
        command.env_remove(name);
    }
    command
}

fn changes_builds(name: &OsString) -> bool {
    const FETCHING: [&str; 6] =
        ["CARGO_HOME", "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_TERM_"];
    const BUILDING: [&str; 4] = ["CARGO", "RUSTC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"];
    let name = name.to_string_lossy();
    let begins_with_one_of = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    // `cargo run` puts the libraries of its own toolchain first.
    name == "LD_LIBRARY_PATH" || begins_with_one_of(&BUILDING) && !begins_with_one_of(&FETCHING)
}

#[cfg(test)]
mod tests {
    use super::changes_builds;

    #[test]
    fn the_settings_of_the_host_build_do_not_reach_the_ebpf_build() {
        for name in
            ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTUP_TOOLCHAIN", "RUSTC", "CARGO_PROFILE_RELEASE_LTO"]
        {
            assert!(changes_builds(&name.into()), "{name}");
        }
    }

    #[test]
    fn variables_that_do_not_change_the_build_are_kept() {
        for name in ["CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO_HTTP_PROXY", "RUSTUP_HOME", "PATH", "HOME"] {
            assert!(!changes_builds(&name.into()), "{name}");
        }
    }
}
