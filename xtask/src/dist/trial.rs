//! A Linux program's first run: on a real kernel of its kind of machine, tracing a connection.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::kernels::guest::Guest;
use crate::kernels::packages::Archive;
use crate::kernels::qemu::{AARCH64, X86_64};
use crate::workspace;

/// Which suite's kernel it runs on.
const SUITE: &str = "bookworm";
const LIMIT: Duration = Duration::from_secs(180);
/// A trace beside a connection that is refused; what it prints is copied to the reports.
const SCRIPT: &str = "\
/rnetstat-trace --json --source ebpf -d 5s > /tmp/out 2> /tmp/err &
trace=$!
until [ -s /tmp/out ] || ! kill -0 $trace; do sleep 0.1; done
nc 127.0.0.1 1 < /dev/null
wait $trace
status=$?
cat /tmp/out /tmp/err >&3
exit $status
";

/// Boots the kernel, runs the first program there, and looks at what it saw.
pub fn run_in_a_guest(architecture: &'static str, programs: &[PathBuf]) -> Result<()> {
    let emulator = match architecture {
        "amd64" => &X86_64,
        "arm64" => &AARCH64,
        _ => bail!("no emulator is known for {architecture}"),
    };
    emulator.check()?;
    let archive = Archive::open(architecture, &[SUITE])?;
    let kernel = archive.newest_kernel(SUITE)?;
    let folder = workspace::target_dir()?.join("kernels/trial").join(architecture);
    let guest = match architecture {
        "amd64" => Guest::new(folder.join("root"))?,
        _ => Guest::with_busybox(
            folder.join("root"),
            &archive.program("busybox-static", "bin/busybox", SUITE)?,
        )?,
    };
    let program = programs.iter().find(|program| program.ends_with("rnetstat-trace"));
    guest.add(program.context("cargo built no rnetstat-trace")?, "/rnetstat-trace")?;
    guest.write("/script", SCRIPT)?;
    let initramfs = folder.join("initramfs.cpio");
    guest.pack(&kernel, &[], &initramfs)?;
    let ended = emulator.run(&kernel, &initramfs, &folder.join("logs"), LIMIT)?;
    let saw = |what: &str| ended.reports.iter().any(|line| line.contains(what));
    ensure!(
        ended.status == Some(0)
            && saw("\"old_state\":\"CLOSE\",\"new_state\":\"SYN_SENT\"")
            && saw("\"refused\""),
        "on {}: {:?}, {}\n{}\n{}",
        kernel.release,
        ended.status,
        ended.reports.join("\n"),
        ended.output,
        ended.console
    );
    println!("{architecture}: traced a connection on {}", kernel.release);
    Ok(())
}
