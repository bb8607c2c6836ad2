//! Once, or every second until somebody has had enough.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::{page, request::Request, resolve::Names};

const INTERVAL: Duration = Duration::from_secs(1);

/// Does what was asked for.
///
/// # Errors
/// It could not be done; the error says what, why, and what to do.
pub fn run(request: &Request) -> Result<()> {
    let mut names = Names::new(request.numeric);
    if !request.continuous {
        return write(&page(request, &mut names)?).map(|_goes_on| ());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        while write(&page(request, &mut names)?)? {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {}
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
            }
        }
        Ok(())
    })
}

/// Writes to stdout; false if its reader has gone away, which is a normal end.
fn write(bytes: &[u8]) -> Result<bool> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("can't write to stdout"),
    }
}
