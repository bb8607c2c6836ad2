//! The root file system of a guest: its init, programs with their libraries, kernel modules.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::modules::{self, libraries};
use super::packages::Kernel;
use crate::process::run_quietly;

/// The guest's init: mounts file systems, loads modules, runs the script, reports its exit status, powers off.
///
/// The kernel's command line sets its variables to serial ports: `output` gets the script's output, `reports` its
/// reports.
const INIT: &str = r#"#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root TERM=dumb
/bin/busybox --install -s /busybox; export PATH=$PATH:/busybox
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/net /dev/pts /tmp /sys/fs/cgroup /run
mount -t tmpfs tmpfs /tmp; mount -t tmpfs tmpfs /run; mount -t devpts devpts /dev/pts
mount -t tracefs tracefs /sys/kernel/tracing; mount -t cgroup2 cgroup2 /sys/fs/cgroup
for module in $(cat /modules/order); do insmod "/modules/$module.ko" || echo "no module $module"; done
ip link set lo up
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
stty -F "/dev/$output" raw -echo; stty -F "/dev/$reports" raw -echo
echo ready > "/dev/$reports"
setsid sh /script < /dev/null > "/dev/$output" 2>&1 3> "/dev/$reports"
echo "end $?" > "/dev/$reports"
sync; poweroff -f
"#;

/// A directory that becomes the guest's root.
pub struct Guest {
    root: PathBuf,
}

impl Guest {
    /// Makes a root that has only a shell, this machine's busybox.
    pub fn new(root: PathBuf) -> Result<Self> {
        let busybox =
            which::which("busybox").context("busybox is not installed: apt-get install busybox-static")?;
        Self::with_busybox(root, &busybox)
    }

    /// Like [`Self::new`], with another busybox, which may be for another architecture.
    pub fn with_busybox(root: PathBuf, busybox: &Path) -> Result<Self> {
        let _not_found = fs::remove_dir_all(&root);
        for directory in ["bin", "busybox", "sbin", "etc", "proc", "sys", "dev", "root", "modules"] {
            fs::create_dir_all(root.join(directory))?;
        }
        let guest = Self { root };
        guest.copy(busybox, "/bin/busybox")?;
        guest.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")?;
        // A guest has no name server.
        guest.write("/etc/resolv.conf", "")?;
        guest.write("/init", INIT)?;
        Ok(guest)
    }

    /// Adds a program of this machine with its libraries. It takes the place of busybox's program of that name.
    pub fn add_program(&self, name: &str) -> Result<()> {
        let program = which::which(name).or_else(|_| which::which_in(name, Some("/usr/sbin:/sbin"), "/"));
        let program =
            program.with_context(|| format!("the guests need {name}, which is not installed here"))?;
        self.add(&program, &format!("/bin/{name}"))
    }

    /// Adds a file and, if it is a dynamically linked program, its libraries.
    pub fn add(&self, file: &Path, path: &str) -> Result<()> {
        self.copy(file, path)?;
        for library in libraries(file) {
            self.copy(&library, &library.to_string_lossy())?;
        }
        Ok(())
    }

    /// Like [`Self::add`], without symbols and debugging information.
    pub fn add_stripped(&self, program: &Path, path: &str) -> Result<()> {
        self.add(program, path)?;
        run_quietly(Command::new("strip").arg(self.host_path(path)))
    }

    /// Writes an executable file.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        fs::write(self.host_path(path), text)?;
        Ok(fs::set_permissions(self.host_path(path), fs::Permissions::from_mode(0o755))?)
    }

    /// Packs it together with the kernel's modules as an initramfs.
    pub fn pack(&self, kernel: &Kernel, modules: &[&str], into: &Path) -> Result<()> {
        let directory = self.root.join("modules");
        let _not_found = fs::remove_dir_all(&directory);
        let order = modules::stage(kernel, modules, &directory)?;
        self.write("/modules/order", &order.join("\n"))?;
        let archive = fs::File::create(into).with_context(|| format!("cannot write {}", into.display()))?;
        let mut find = Command::new("find");
        let names = find.arg(".").current_dir(&self.root).output().context("cannot run find")?.stdout;
        let list = into.with_extension("list");
        fs::write(&list, names)?;
        let mut cpio = Command::new("cpio");
        cpio.args(["-o", "-H", "newc", "--quiet", "--owner=0:0"]).current_dir(&self.root);
        let status = cpio.stdin(fs::File::open(&list)?).stdout(archive).status();
        if !status.context("cannot run cpio: apt-get install cpio")?.success() {
            bail!("cpio failed");
        }
        Ok(())
    }

    fn copy(&self, file: &Path, path: &str) -> Result<()> {
        let target = self.host_path(path);
        if let Some(directory) = target.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::copy(file, &target).map(drop).with_context(|| format!("cannot copy {}", file.display()))
    }

    /// Where a file of the guest is on this machine.
    fn host_path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}
