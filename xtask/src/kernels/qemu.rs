//! Boots a guest and waits for its end. Emulated, never by KVM: that is the same on every machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::packages::Kernel;
use crate::process::stdout_of;

/// Older ones corrupt guests at boot now and then (7.2: up to one in five).
const OLDEST_QEMU: u32 = 10;
/// A guest that dies before its first process is the emulator's accident, and may try again.
const BOOTS: usize = 3;

/// The emulator for a machine.
pub struct Emulator {
    program: &'static str,
    machine: &'static [&'static str],
    /// The kernel's command line, which names the serial lines.
    append: &'static str,
    /// Whether the second and third serial line are PCI devices.
    serial_by_pci: bool,
}

/// For x86_64: three serial lines.
pub const X86_64: Emulator = Emulator {
    program: "qemu-system-x86_64",
    machine: &["-cpu", "max,la57=off"],
    append: "console=ttyS0 output=ttyS1 reports=ttyS2 mitigations=off",
    serial_by_pci: false,
};

/// For aarch64: the board has one serial line of its own, and gets two more by PCI.
pub const AARCH64: Emulator = Emulator {
    program: "qemu-system-aarch64",
    machine: &["-machine", "virt", "-cpu", "max"],
    append: "console=ttyAMA0 output=ttyS0 reports=ttyS1",
    serial_by_pci: true,
};

/// What a guest left.
pub struct Ended {
    /// What the script wrote.
    pub output: String,
    /// What it reported, a line each.
    pub reports: Vec<String>,
    /// The script's exit status; None if the guest died or took too long.
    pub status: Option<i32>,
    /// The end of the kernel's console, for the case that it died.
    pub console: String,
}

impl Emulator {
    /// Looks whether the emulator is there, and new enough.
    pub fn check(&self) -> Result<()> {
        let hint = "install QEMU 10 or newer; Debian 12 has it in bookworm-backports (.ci/run shows how)";
        let text = stdout_of(Command::new(self.program).arg("--version")).context(hint)?;
        let version =
            text.split("version ").nth(1).and_then(|rest| rest.split('.').next()?.parse::<u32>().ok());
        if version.is_none_or(|version| version < OLDEST_QEMU) {
            bail!("{}: too old; {hint}", text.lines().next().unwrap_or_default());
        }
        Ok(())
    }

    /// Boots and waits, at most `limit` a boot. The three lines' files are left in `logs`.
    pub fn run(&self, kernel: &Kernel, initramfs: &Path, logs: &Path, limit: Duration) -> Result<Ended> {
        fs::create_dir_all(logs)?;
        for boot in 1.. {
            let ended = self.boot(kernel, initramfs, logs, limit)?;
            if ended.reports.iter().any(|line| line == "ready") || boot == BOOTS {
                return Ok(ended);
            }
            eprintln!("{}: boot {boot} came to nothing, once more", kernel.release);
        }
        bail!("no boot was allowed")
    }

    fn boot(&self, kernel: &Kernel, initramfs: &Path, logs: &Path, limit: Duration) -> Result<Ended> {
        let lines: [PathBuf; 3] = ["console", "output", "reports"].map(|name| logs.join(name));
        let mut command = Command::new(self.program);
        command
            .args(["-accel", "tcg,thread=multi,tb-size=256", "-smp", "2", "-m", "1024"])
            .args(self.machine);
        command.args(["-nodefaults", "-display", "none", "-no-reboot"]);
        command.arg("-kernel").arg(kernel.image()?).arg("-initrd").arg(initramfs);
        command.arg("-append").arg(format!("{} quiet panic=-1 random.trust_cpu=on", self.append));
        for (number, line) in lines.iter().enumerate() {
            fs::write(line, "")?;
            if self.serial_by_pci && number > 0 {
                command.arg("-chardev").arg(format!("file,id=line{number},path={}", line.display()));
                command.arg("-device").arg(format!("pci-serial,chardev=line{number}"));
            } else {
                command.arg("-serial").arg(format!("file:{}", line.display()));
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        wait(command.spawn().with_context(|| format!("cannot run {}", self.program))?, limit)?;
        let [console, output, reports] =
            lines.map(|line| fs::read(line).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        let reports: Vec<String> = reports?.lines().map(|line| line.trim_end().to_owned()).collect();
        let status = reports.iter().find_map(|line| line.strip_prefix("end ")?.parse().ok());
        Ok(Ended { output: output?, reports, status, console: console? })
    }
}

/// Waits for its end, or ends it.
fn wait(mut child: Child, limit: Duration) -> Result<()> {
    let end = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
