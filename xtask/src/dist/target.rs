//! Builds programs that need nothing installed, for each target, with a compiler that has the sources of std.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::ebpf::toolchain::with_sources;
use crate::process::run_quietly;
use crate::{cargo, workspace};

/// An operating system with an architecture.
pub struct Target {
    /// Its name in the archive's name: `linux-x86_64`.
    pub name: &'static str,
    /// How the built programs are tried.
    pub trial: Trial,
    triple: &'static str,
    linker: &'static str,
    strip: &'static str,
    /// The Debian packages of the linker and the libraries.
    packages: &'static str,
}

/// Where the built programs run for a trial.
#[derive(Clone, Copy)]
pub enum Trial {
    /// In emulated guests, on Debian's kernels of several ages for this architecture.
    Guest { architecture: &'static str },
    /// Under Wine.
    Wine,
}

/// The targets that get an archive.
pub const TARGETS: [Target; 3] = [
    Target {
        name: "linux-x86_64",
        trial: Trial::Guest { architecture: "amd64" },
        triple: "x86_64-unknown-linux-musl",
        linker: "musl-gcc",
        strip: "strip",
        packages: "musl-tools libunwind-14-dev",
    },
    Target {
        name: "linux-aarch64",
        trial: Trial::Guest { architecture: "arm64" },
        triple: "aarch64-unknown-linux-gnu",
        linker: "aarch64-linux-gnu-gcc",
        strip: "aarch64-linux-gnu-strip",
        packages: "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    },
    Target {
        name: "windows-x86_64",
        trial: Trial::Wine,
        triple: "x86_64-pc-windows-gnu",
        linker: "x86_64-w64-mingw32-gcc",
        strip: "x86_64-w64-mingw32-strip",
        packages: "gcc-mingw-w64-x86-64-win32 wine64",
    },
];

impl Target {
    /// Builds and strips the programs, and returns their paths.
    pub fn build(&self, directory: &Path) -> Result<Vec<PathBuf>> {
        let hint = || format!("{} is not installed: apt-get install {}", self.linker, self.packages);
        which::which(self.linker).with_context(hint)?;
        let directory = directory.join(self.name);
        fs::create_dir_all(&directory)?;
        let compiler = with_sources()?;
        let target_dir = workspace::target_dir()?.join("static");
        let mut build = compiler.command("cargo");
        build
            .args(["build", "--release", "--package", cargo::PRODUCT, "--bins"])
            .current_dir(workspace::root()?);
        build
            .args(["--target", self.triple, "-Zbuild-std=std,panic_unwind"])
            .arg("--target-dir")
            .arg(&target_dir);
        build.env(self.linker_variable(), self.linker);
        build.env(cargo::RUSTFLAGS_VARIABLE, cargo::encoded_rustflags(&self.rustflags(&directory)?));
        if !build.status().context("cannot run cargo")?.success() {
            bail!("the build for {} failed, see above", self.triple);
        }
        self.stripped(&target_dir.join(self.triple).join("release"), &directory)
    }

    fn linker_variable(&self) -> String {
        format!("CARGO_TARGET_{}_LINKER", self.triple.replace('-', "_").to_uppercase())
    }

    fn rustflags(&self, directory: &Path) -> Result<Vec<OsString>> {
        let mut flags: Vec<OsString> = vec!["-Ctarget-feature=+crt-static".into()];
        if self.triple.ends_with("musl") {
            // The compiler comes without a musl, so musl-gcc links its own. gcc's unwinder aborts in static programs, so
            // LLVM's takes its place.
            flags.extend(["-Clink-self-contained=no".into(), "-Crelocation-model=static".into()]);
            let mut search = OsString::from("-Lnative=");
            search.push(unwinder(directory)?);
            flags.push(search);
        }
        Ok(flags)
    }

    fn stripped(&self, built: &Path, directory: &Path) -> Result<Vec<PathBuf>> {
        let mut programs = Vec::new();
        for entry in fs::read_dir(built)? {
            let file = entry?.path();
            let metadata = file.metadata()?;
            if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
                let target = directory.join(file.file_name().context("a program without a name")?);
                run_quietly(Command::new(self.strip).arg("-o").arg(&target).arg(&file))?;
                programs.push(target);
            }
        }
        programs.sort();
        Ok(programs)
    }
}

/// Makes a directory with a `libunwind.a` that links with musl.
fn unwinder(directory: &Path) -> Result<PathBuf> {
    let library = "/usr/lib/x86_64-linux-gnu/libunwind.a";
    let unwind = directory.join("unwind");
    fs::create_dir_all(&unwind)?;
    let (object, archive) = (unwind.join("unwind.o"), unwind.join("libunwind.a"));
    fs::copy(library, &archive).with_context(|| format!("{library}: apt-get install libunwind-14-dev"))?;
    let source = workspace::root()?.join("xtask/src/dist/unwind.c");
    run_quietly(Command::new("musl-gcc").arg("-O2").arg("-c").arg(source).arg("-o").arg(&object))?;
    run_quietly(Command::new("ar").arg("r").arg(&archive).arg(&object))?;
    Ok(unwind)
}
