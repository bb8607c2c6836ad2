//! `doctor` on other systems than Linux: Windows shows its TCP table to every user, so there is nothing to examine.

use anyhow::Context as _;

use crate::{options::DoctorOptions, standard_streams};

/// Writes which source works; always true.
///
/// # Errors
/// stdout can't be written, for another reason than that its reader went away.
pub fn run(options: DoctorOptions) -> anyhow::Result<bool> {
    let text = if options.json {
        "{\"source\":\"windows\",\"error\":null}\n"
    } else {
        "A trace polls Windows' TCP table (source: windows), which needs no privilege.\n\
         It doesn't see connections that are shorter than --interval. Only Linux has eBPF, which sees them all.\n"
    };
    standard_streams::write_stdout(text.as_bytes()).context("stdout can't be written")?;
    Ok(true)
}
