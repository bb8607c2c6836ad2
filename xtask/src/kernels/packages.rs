//! Kernels as Debian packages: the newest cloud kernel of each suite, fetched past the machine's own apt lists.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{run_quietly, stdout_of};
use crate::workspace;

/// The suites, the oldest kernel first.
pub const SUITES: [&str; 4] = ["bullseye", "bookworm", "trixie", "sid"];

/// Names a mirror of Debian's packages where this machine's own apt has none.
const MIRROR: &str = "DEBIAN_MIRROR";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A kernel, unpacked.
pub struct Kernel {
    /// The suite that it comes from.
    pub suite: &'static str,
    /// As `uname -r` will say.
    pub release: String,
    root: PathBuf,
}

impl Kernel {
    /// `6.1`, of `6.1.0-50-cloud-amd64`.
    pub fn series(&self) -> String {
        self.release.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
    }

    /// What the emulator boots.
    pub fn image(&self) -> Result<PathBuf> {
        let release = &self.release;
        let places = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
        let images = places.iter().map(|place| self.root.join(place)).find(|image| image.exists());
        images.with_context(|| format!("the packages of {release} have no kernel image"))
    }

    /// The folder with its modules.
    pub fn modules(&self) -> PathBuf {
        let folders =
            ["usr/lib/modules", "lib/modules"].map(|place| self.root.join(place).join(&self.release));
        let [merged, split] = folders;
        if merged.exists() { merged } else { split }
    }
}

/// Debian's packages for a machine: `amd64` or `arm64`.
pub struct Archive {
    architecture: &'static str,
    folder: PathBuf,
}

impl Archive {
    /// Asks for the present lists.
    pub fn open(architecture: &'static str, suites: &[&str]) -> Result<Self> {
        let folder = workspace::target_dir()?.join("kernels").join(architecture);
        for part in ["apt/lists/partial", "apt/cache/archives/partial"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let mirror = own_mirror().or_else(|| std::env::var(MIRROR).ok());
        let mirror =
            mirror.with_context(|| format!("apt has no mirror of Debian here: name one by {MIRROR}"))?;
        let line =
            |suite: &&str| format!("deb [arch={architecture} signed-by={KEYRING}] {mirror} {suite} main\n");
        fs::write(folder.join("apt/sources.list"), suites.iter().map(line).collect::<String>())?;
        let archive = Self { architecture, folder };
        run_quietly(archive.apt("apt-get").arg("update")).context("apt can't read the suites' lists")?;
        Ok(archive)
    }

    /// The newest cloud kernel of a suite: the one that its metapackage depends on.
    pub fn newest_kernel(&self, suite: &'static str) -> Result<Kernel> {
        let meta = format!("linux-image-cloud-{}/{suite}", self.architecture);
        let text = stdout_of(self.apt("apt-cache").args(["show", &meta]))?;
        let depends = text.lines().find_map(|line| line.strip_prefix("Depends:"));
        let words = depends.unwrap_or_default().split([' ', ',']);
        let package = words.into_iter().find(|word| word.starts_with("linux-image-"));
        let package = package.with_context(|| format!("{suite} has no package {meta}"))?;
        let release = package.trim_start_matches("linux-image-").to_owned();
        let kernel = Kernel { suite, root: self.folder.join(&release), release };
        if !kernel.root.join(".complete").exists() {
            self.unpack(package, &kernel)?;
        }
        Ok(kernel)
    }

    fn unpack(&self, package: &str, kernel: &Kernel) -> Result<()> {
        let packages = self.folder.join("packages");
        for folder in [&packages, &kernel.root] {
            let _was_not_there = fs::remove_dir_all(folder);
            fs::create_dir_all(folder)?;
        }
        // Newer suites have the image and its modules in packages of their own.
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

    /// A program out of a package of the archive, for a guest of this kind.
    pub fn program(&self, package: &str, place: &str, suite: &str) -> Result<PathBuf> {
        let folder = self.folder.join(package);
        if !folder.join(place).exists() {
            fs::create_dir_all(&folder)?;
            let named = format!("{package}/{suite}");
            run_quietly(self.apt("apt-get").arg("download").arg(named).current_dir(&folder))?;
            for file in fs::read_dir(&folder)? {
                run_quietly(Command::new("dpkg").arg("-x").arg(file?.path()).arg(&folder))?;
            }
        }
        Ok(folder.join(place))
    }

    /// apt with lists and settings of our own: the machine's stay as they are.
    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let apt = self.folder.join("apt");
        let place = |name: &str, place: &Path| format!("{name}={}", place.display());
        for option in [
            place("Dir::Etc::SourceList", &apt.join("sources.list")),
            place("Dir::State::Lists", &apt.join("lists")),
            place("Dir::Cache", &apt.join("cache")),
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

/// The first mirror in this machine's own sources.
fn own_mirror() -> Option<String> {
    let sources = fs::read_to_string("/etc/apt/sources.list.d/debian.sources").ok()?;
    let uris = sources.lines().find_map(|line| line.strip_prefix("URIs:"))?;
    uris.split_whitespace().next().map(str::to_owned)
}
