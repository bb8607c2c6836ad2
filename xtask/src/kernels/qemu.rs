//! Boots a guest and waits until it powers off. It never uses KVM, so that guests behave the same on every machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::packages::Kernel;
use crate::process::stdout_of;

/// The oldest usable major version. Older ones sometimes corrupt a guest at boot (7.2: up to one in five).
const OLDEST_QEMU: u32 = 10;
/// How often a guest is booted until its init runs. A guest that dies before that is a fault of the emulator.
const MAX_BOOTS: usize = 3;

/// An emulator, with the machine that it emulates.
pub struct Emulator {
    program: &'static str,
    machine: &'static [&'static str],
    /// The part of the kernel's command line that names the serial ports.
    command_line: &'static str,
    /// Whether the second and third serial port are PCI devices.
    serial_by_pci: bool,
}

/// For x86_64, whose machine has three serial ports. Its processors have one common time stamp counter. Linux 5.10
/// considers it unsynchronized, because an emulated processor is slow to read it, and would use the far slower HPET.
pub const X86_64: Emulator = Emulator {
    program: "qemu-system-x86_64",
    machine: &["-cpu", "max,la57=off"],
    command_line: "console=ttyS0 output=ttyS1 reports=ttyS2 mitigations=off tsc=reliable clocksource=tsc",
    serial_by_pci: false,
};

/// For aarch64, whose machine has one serial port. Two PCI devices are added.
pub const AARCH64: Emulator = Emulator {
    program: "qemu-system-aarch64",
    machine: &["-machine", "virt", "-cpu", "max"],
    command_line: "console=ttyAMA0 output=ttyS0 reports=ttyS1",
    serial_by_pci: true,
};

/// The result of a guest's run.
pub struct GuestRun {
    /// The script's output.
    pub output: String,
    /// The lines that the script reported.
    pub reports: Vec<String>,
    /// The script's exit status; None if the guest died or took too long.
    pub status: Option<i32>,
    /// The kernel's console, for a guest that died.
    pub console: String,
}

impl Emulator {
    /// Fails if the emulator is not installed, or too old.
    pub fn check(&self) -> Result<()> {
        let hint = "install QEMU 10 or newer; Debian 12 has it in bookworm-backports (.ci/run shows how)";
        let text = stdout_of(Command::new(self.program).arg("--version")).context(hint)?;
        let version =
            text.split("version ").nth(1).and_then(|number| number.split('.').next()?.parse::<u32>().ok());
        if version.is_none_or(|version| version < OLDEST_QEMU) {
            bail!("{}: too old; {hint}", text.lines().next().unwrap_or_default());
        }
        Ok(())
    }

    /// Boots a guest and waits at most `limit` for each boot. Leaves the output of the three serial ports in `logs`.
    pub fn run(&self, kernel: &Kernel, initramfs: &Path, logs: &Path, limit: Duration) -> Result<GuestRun> {
        fs::create_dir_all(logs)?;
        for boot in 1..MAX_BOOTS {
            let run = self.boot(kernel, initramfs, logs, limit)?;
            if run.reports.iter().any(|line| line == "ready") {
                return Ok(run);
            }
            eprintln!("{}: boot {boot} of {MAX_BOOTS} did not reach init, trying again", kernel.release);
        }
        self.boot(kernel, initramfs, logs, limit)
    }

    fn boot(&self, kernel: &Kernel, initramfs: &Path, logs: &Path, limit: Duration) -> Result<GuestRun> {
        let ports: [PathBuf; 3] = ["console", "output", "reports"].map(|name| logs.join(name));
        let mut command = Command::new(self.program);
        command
            .args(["-accel", "tcg,thread=multi,tb-size=256", "-smp", "2", "-m", "1024"])
            .args(self.machine);
        command.args(["-nodefaults", "-display", "none", "-no-reboot"]);
        command.arg("-kernel").arg(kernel.image()?).arg("-initrd").arg(initramfs);
        command.arg("-append").arg(format!("{} quiet panic=-1 random.trust_cpu=on", self.command_line));
        for (number, port) in ports.iter().enumerate() {
            fs::write(port, "")?;
            if self.serial_by_pci && number > 0 {
                command.arg("-chardev").arg(format!("file,id=port{number},path={}", port.display()));
                command.arg("-device").arg(format!("pci-serial,chardev=port{number}"));
            } else {
                command.arg("-serial").arg(format!("file:{}", port.display()));
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        wait(command.spawn().with_context(|| format!("cannot run {}", self.program))?, limit)?;
        let [console, output, reports] =
            ports.map(|port| fs::read(port).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
        let reports: Vec<String> = reports?.lines().map(|line| line.trim_end().to_owned()).collect();
        let status = reports.iter().find_map(|line| line.strip_prefix("end ")?.parse().ok());
        Ok(GuestRun { output: output?, reports, status, console: console? })
    }
}

/// Waits until the process exits, and kills it at the limit.
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
