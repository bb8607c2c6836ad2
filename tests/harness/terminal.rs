//! Runs a program on a terminal of a given width.

use std::{
    fs::File,
    io::Read as _,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::process::Process;

/// What the command writes to a terminal with so many columns. Line endings are `\n`.
pub fn shown(command: &mut Command, columns: u16) -> Result<String> {
    let rnetstat = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
        .context("making a terminal")?;
    grantpt(&rnetstat)?;
    unlockpt(&rnetstat)?;
    let theirs = open(
        ptsname(&rnetstat, Vec::new())?,
        OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    tcsetwinsize(&theirs, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })?;
    // Independent of the terminal on which the tests run.
    command.env("TERM", "xterm");
    let mut process = Process::new(command.stdin(Stdio::null()).stdout(theirs).spawn()?);
    // Otherwise the command would keep its copy of the terminal's other end open.
    command.stdout(Stdio::null());
    let (mut terminal, mut text, mut buffer) = (File::from(rnetstat), Vec::new(), [0; 4096]);
    loop {
        match terminal.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => text.extend_from_slice(&buffer[..count]),
            // The other end has been closed.
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => break,
            Err(error) => return Err(error).context("reading from a terminal"),
        }
    }
    ensure!(process.wait()?.success(), "{command:?} failed: {}", String::from_utf8_lossy(&text));
    Ok(String::from_utf8(text)?.replace("\r\n", "\n"))
}
