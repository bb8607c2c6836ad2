//! Once, or again and again until somebody has had enough.

use std::{pin::pin, time::Duration};

use anyhow::{Context as _, Result};

use crate::{signals, stdout};

/// Writes a page to stdout, and after each interval another one.
///
/// # Errors
/// Those of `page`, and stdout's.
pub fn pages(interval: Option<Duration>, mut page: impl FnMut() -> Result<Vec<u8>>) -> Result<()> {
    let Some(interval) = interval else {
        return write(&page()?).map(|_goes_on| ());
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stop = pin!(signals::stop()?);
        while write(&page()?)? {
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = &mut stop => return Ok(()),
            }
        }
        Ok(())
    })
}

/// Writes to stdout; false if its reader has gone away.
fn write(bytes: &[u8]) -> Result<bool> {
    stdout::write(bytes).context("can't write to stdout")
}
