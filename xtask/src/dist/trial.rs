//! Runs the Linux programs in guests on real kernels of their architecture, where they trace a connection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::kernels::guest::Guest;
use crate::kernels::packages::{Archive, Kernel, SUITES};
use crate::kernels::qemu::{AARCH64, Emulator, X86_64};
use crate::workspace;

/// The Debian suite of the busybox for a foreign architecture.
const SHELL_SUITE: &str = "bookworm";
const LIMIT: Duration = Duration::from_secs(180);
/// Traces a refused connection and prints the table of interfaces. Copies all output to the reports.
const SCRIPT: &str = "\
/rnetstat-trace --json --source ebpf -d 5s > /tmp/out 2> /tmp/err &
trace=$!
until [ -s /tmp/out ] || ! kill -0 $trace; do sleep 0.1; done
nc 127.0.0.1 1 < /dev/null
wait $trace
status=$?
/rnetstat -i >> /tmp/out 2>> /tmp/err || status=1
cat /tmp/out /tmp/err >&3
exit $status
";

/// Boots each of the matrix's kernels, runs the programs, and checks their output.
pub fn run_in_guests(architecture: &'static str, programs: &[PathBuf]) -> Result<()> {
    let emulator = match architecture {
        "amd64" => &X86_64,
        "arm64" => &AARCH64,
        _ => bail!("there is no emulator for the architecture {architecture}"),
    };
    emulator.check()?;
    let archive = Archive::open(architecture, &SUITES)?;
    let directory = workspace::target_dir()?.join("kernels/trial").join(architecture);
    let guest = match architecture {
        "amd64" => Guest::new(directory.join("root"))?,
        _ => Guest::with_busybox(
            directory.join("root"),
            &archive.program("busybox-static", "bin/busybox", SHELL_SUITE)?,
        )?,
    };
    for name in ["rnetstat-trace", "rnetstat"] {
        let program = programs.iter().find(|program| program.ends_with(name));
        guest.add(program.with_context(|| format!("cargo built no {name}"))?, &format!("/{name}"))?;
    }
    guest.write("/script", SCRIPT)?;
    for suite in SUITES {
        let kernel = archive.newest_kernel(suite)?;
        run_on(emulator, &kernel, &guest, &directory)?;
        println!("{architecture}: traced a connection on {}", kernel.release);
    }
    Ok(())
}

fn run_on(emulator: &Emulator, kernel: &Kernel, guest: &Guest, directory: &Path) -> Result<()> {
    let initramfs = directory.join("initramfs.cpio");
    guest.pack(kernel, &[], &initramfs)?;
    let run = emulator.run(kernel, &initramfs, &directory.join("logs"), LIMIT)?;
    let printed = |text: &str| run.reports.iter().any(|line| line.contains(text));
    ensure!(
        run.status == Some(0)
            && printed("\"old_state\":\"CLOSE\",\"new_state\":\"SYN_SENT\"")
            && printed("\"refused\"")
            && run.reports.iter().any(|line| line.starts_with("lo ")),
        "on {}: {:?}, {}\n{}\n{}",
        kernel.release,
        run.status,
        run.reports.join("\n"),
        run.output,
        run.console
    );
    Ok(())
}
