//! What a guest finds when it has booted: the first process, programs with their libraries, modules.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::modules::{self, libraries};
use super::packages::Kernel;
use crate::process::run_quietly;

/// The first process: mounts, loads modules, runs the script, says how it ended, switches the machine off.
///
/// The kernel's command line names the serial lines: `output` for what the script writes, `reports` for what it reports.
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

/// A folder that becomes the guest's root.
pub struct Guest {
    root: PathBuf,
}

impl Guest {
    /// Begins with a shell and nothing else.
    pub fn new(root: PathBuf) -> Result<Self> {
        let busybox =
            which::which("busybox").context("there is no busybox: apt-get install busybox-static")?;
        Self::with_busybox(root, &busybox)
    }

    /// The same with another machine's shell.
    pub fn with_busybox(root: PathBuf, busybox: &Path) -> Result<Self> {
        let _was_not_there = fs::remove_dir_all(&root);
        for folder in ["bin", "busybox", "sbin", "etc", "proc", "sys", "dev", "root", "modules"] {
            fs::create_dir_all(root.join(folder))?;
        }
        let guest = Self { root };
        guest.copy(busybox, "/bin/busybox")?;
        guest.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")?;
        // There is no name server.
        guest.write("/etc/resolv.conf", "")?;
        guest.write("/init", INIT)?;
        Ok(guest)
    }

    /// Adds a program of this machine in place of busybox's, with its libraries.
    pub fn add_program(&self, name: &str) -> Result<()> {
        let path = which::which(name).or_else(|_| which::which_in(name, Some("/usr/sbin:/sbin"), "/"));
        let path = path.with_context(|| format!("the guests need {name}, which is not installed here"))?;
        self.add(&path, &format!("/bin/{name}"))
    }

    /// Adds a file and, if it is a dynamic program, its libraries.
    pub fn add(&self, file: &Path, place: &str) -> Result<()> {
        self.copy(file, place)?;
        for library in libraries(file) {
            self.copy(&library, &library.to_string_lossy())?;
        }
        Ok(())
    }

    /// The same without debugging information.
    pub fn add_stripped(&self, program: &Path, place: &str) -> Result<()> {
        self.add(program, place)?;
        run_quietly(Command::new("strip").arg(self.inside(place)))
    }

    /// Writes a file that may be run.
    pub fn write(&self, place: &str, text: &str) -> Result<()> {
        fs::write(self.inside(place), text)?;
        Ok(fs::set_permissions(self.inside(place), fs::Permissions::from_mode(0o755))?)
    }

    /// Packs it as an initramfs with the kernel's modules.
    pub fn pack(&self, kernel: &Kernel, modules: &[&str], into: &Path) -> Result<()> {
        let folder = self.root.join("modules");
        let _was_not_there = fs::remove_dir_all(&folder);
        let order = modules::stage(kernel, modules, &folder)?;
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

    fn copy(&self, file: &Path, place: &str) -> Result<()> {
        let target = self.inside(place);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(file, &target).map(drop).with_context(|| format!("cannot copy {}", file.display()))
    }

    fn inside(&self, place: &str) -> PathBuf {
        self.root.join(place.trim_start_matches('/'))
    }
}
