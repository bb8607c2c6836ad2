//! Writes pages to stdout: one, or one after each interval until interrupted.

use std::{pin::pin, time::Duration};

use anyhow::{Context as _, Result};

use crate::{signals, standard_streams};

/// Writes a page to stdout; with an interval, another one after each, until a signal or until the reader has closed stdout.
///
/// # Errors
/// `page` fails, or stdout can't be written.
pub fn pages(interval: Option<Duration>, mut page: impl FnMut() -> Result<Vec<u8>>) -> Result<()> {
    let Some(interval) = interval else {
        return write(&page()?).map(|_is_open| ());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("can't start the event loop")?;
    runtime.block_on(async {
        let mut stop = pin!(signals::stop().context("can't catch signals")?);
        while write(&page()?)? {
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = &mut stop => return Ok(()),
            }
        }
        Ok(())
    })
}

/// Writes to stdout; false if the reader has closed it.
fn write(bytes: &[u8]) -> Result<bool> {
    standard_streams::write_stdout(bytes).context("can't write to stdout")
}
