//! Linux programs' first run: on real kernels of their kind of machine, tracing a connection.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::kernels::guest::Guest;
use crate::kernels::packages::{Archive, Kernel, SUITES};
use crate::kernels::qemu::{AARCH64, Emulator, X86_64};
use crate::workspace;

/// Which suite another machine's shell comes from.
const SHELL_SUITE: &str = "bookworm";
const LIMIT: Duration = Duration::from_secs(180);
/// A trace beside a connection that is refused, and a table; what they print is copied to the reports.
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

/// Boots the kernels of the matrix, runs the programs on each, and looks at what they saw.
pub fn run_in_guests(architecture: &'static str, programs: &[PathBuf]) -> Result<()> {
    let emulator = match architecture {
        "amd64" => &X86_64,
        "arm64" => &AARCH64,
        _ => bail!("no emulator is known for {architecture}"),
    };
    emulator.check()?;
    let archive = Archive::open(architecture, &SUITES)?;
    let folder = workspace::target_dir()?.join("kernels/trial").join(architecture);
    let guest = match architecture {
        "amd64" => Guest::new(folder.join("root"))?,
        _ => Guest::with_busybox(
            folder.join("root"),
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
        run_on(emulator, &kernel, &guest, &folder)?;
        println!("{architecture}: traced a connection on {}", kernel.release);
    }
    Ok(())
}

fn run_on(emulator: &Emulator, kernel: &Kernel, guest: &Guest, folder: &Path) -> Result<()> {
    let initramfs = folder.join("initramfs.cpio");
    guest.pack(kernel, &[], &initramfs)?;
    let ended = emulator.run(kernel, &initramfs, &folder.join("logs"), LIMIT)?;
    let said = |what: &str| ended.reports.iter().any(|line| line.contains(what));
    ensure!(
        ended.status == Some(0)
            && said("\"old_state\":\"CLOSE\",\"new_state\":\"SYN_SENT\"")
            && said("\"refused\"")
            && ended.reports.iter().any(|line| line.starts_with("lo ")),
        "on {}: {:?}, {}\n{}\n{}",
        kernel.release,
        ended.status,
        ended.reports.join("\n"),
        ended.output,
        ended.console
    );
    Ok(())
}
