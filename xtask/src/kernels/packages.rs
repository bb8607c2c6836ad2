//! Debian's kernels: downloads the newest cloud kernel of a suite, with apt lists of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{run_quietly, stdout_of};
use crate::workspace;

/// Debian's suites, the one with the oldest kernel first.
pub const SUITES: [&str; 4] = ["bullseye", "bookworm", "trixie", "sid"];

/// The environment variable that names a Debian mirror, for machines whose apt sources have none.
const MIRROR: &str = "DEBIAN_MIRROR";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// An unpacked kernel package.
pub struct Kernel {
    /// Its Debian suite.
    pub suite: &'static str,
    /// The release that `uname -r` prints.
    pub release: String,
    root: PathBuf,
}

impl Kernel {
    /// The first two numbers of the release: `6.1` for `6.1.0-50-cloud-amd64`.
    pub fn series(&self) -> String {
        self.release.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
    }

    /// The kernel image.
    pub fn image(&self) -> Result<PathBuf> {
        let release = &self.release;
        let paths = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
        let images = paths.iter().map(|path| self.root.join(path)).find(|image| image.exists());
        images.with_context(|| format!("the packages of {release} have no kernel image"))
    }

    /// The directory of its modules.
    pub fn modules(&self) -> PathBuf {
        let directories =
            ["usr/lib/modules", "lib/modules"].map(|path| self.root.join(path).join(&self.release));
        let [merged_usr, split_usr] = directories;
        if merged_usr.exists() { merged_usr } else { split_usr }
    }
}

/// Debian's packages for an architecture: `amd64` or `arm64`.
pub struct Archive {
    architecture: &'static str,
    directory: PathBuf,
}

impl Archive {
    /// Downloads the current package lists of the suites.
    pub fn open(architecture: &'static str, suites: &[&str]) -> Result<Self> {
        let directory = workspace::target_dir()?.join("kernels").join(architecture);
        for part in ["apt/lists/partial", "apt/cache/archives/partial"] {
            fs::create_dir_all(directory.join(part))?;
        }
        let mirror = mirror_of_apt().or_else(|| std::env::var(MIRROR).ok());
        let mirror = mirror.with_context(|| {
            format!("this machine's apt sources have no Debian mirror: set {MIRROR} to one")
        })?;
        let line =
            |suite: &&str| format!("deb [arch={architecture} signed-by={KEYRING}] {mirror} {suite} main\n");
        fs::write(directory.join("apt/sources.list"), suites.iter().map(line).collect::<String>())?;
        let archive = Self { architecture, directory };
        run_quietly(archive.apt("apt-get").arg("update")).context("apt can't read the suites' lists")?;
        Ok(archive)
    }

    /// The newest cloud kernel of a suite: the one on which the suite's metapackage depends.
    pub fn newest_kernel(&self, suite: &'static str) -> Result<Kernel> {
        let meta = format!("linux-image-cloud-{}/{suite}", self.architecture);
        let text = stdout_of(self.apt("apt-cache").args(["show", &meta]))?;
        let depends = text.lines().find_map(|line| line.strip_prefix("Depends:"));
        let words = depends.unwrap_or_default().split([' ', ',']);
        let package = words.into_iter().find(|word| word.starts_with("linux-image-"));
        let package = package.with_context(|| format!("{suite} has no package {meta}"))?;
        let release = package.trim_start_matches("linux-image-").to_owned();
        let kernel = Kernel { suite, root: self.directory.join(&release), release };
        if !kernel.root.join(".complete").exists() {
            self.unpack(package, &kernel)?;
        }
        Ok(kernel)
    }

    fn unpack(&self, package: &str, kernel: &Kernel) -> Result<()> {
        let packages = self.directory.join("packages");
        for directory in [&packages, &kernel.root] {
            let _not_found = fs::remove_dir_all(directory);
            fs::create_dir_all(directory)?;
        }
        // In newer suites the package depends on separate packages for the image and the modules.
        let depends = stdout_of(self.apt("apt-cache").args(["depends", package]))?;
        let parts = depends.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        let parts =
            parts.filter(|part| part.starts_with("linux-") && part.ends_with(kernel.release.as_str()));
        let parts: Vec<&str> = parts.chain([package]).collect();
        run_quietly(self.apt("apt-get").arg("download").args(&parts).current_dir(&packages))?;
        for file in fs::read_dir(&packages)? {
            run_quietly(Command::new("dpkg").arg("-x").arg(file?.path()).arg(&kernel.root))?;
        }
        fs::remove_dir_all(&packages)?;
        Ok(fs::write(kernel.root.join(".complete"), "")?)
    }

    /// A program of a package, for a guest of the archive's architecture.
    pub fn program(&self, package: &str, path: &str, suite: &str) -> Result<PathBuf> {
        let directory = self.directory.join(package);
        if !directory.join(path).exists() {
            fs::create_dir_all(&directory)?;
            let named = format!("{package}/{suite}");
            run_quietly(self.apt("apt-get").arg("download").arg(named).current_dir(&directory))?;
            for file in fs::read_dir(&directory)? {
                run_quietly(Command::new("dpkg").arg("-x").arg(file?.path()).arg(&directory))?;
            }
        }
        Ok(directory.join(path))
    }

    /// An apt program with lists and settings of our own; it changes nothing of the machine's.
    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let apt = self.directory.join("apt");
        let path_option = |name: &str, path: &Path| format!("{name}={}", path.display());
        for option in [
            path_option("Dir::Etc::SourceList", &apt.join("sources.list")),
            path_option("Dir::State::Lists", &apt.join("lists")),
            path_option("Dir::Cache", &apt.join("cache")),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            "Dir::Etc::PreferencesParts=/dev/null".to_owned(),
            format!("APT::Architecture={}", self.architecture),
            "APT::Sandbox::User=root".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "APT::Update::Post-Invoke::=".to_owned(),
            "APT::Update::Post-Invoke-Success::=".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        command.arg("-qq");
        command
    }
}

/// The first mirror in this machine's apt sources.
fn mirror_of_apt() -> Option<String> {
    let sources = fs::read_to_string("/etc/apt/sources.list.d/debian.sources").ok()?;
    let uris = sources.lines().find_map(|line| line.strip_prefix("URIs:"))?;
    uris.split_whitespace().next().map(str::to_owned)
}
