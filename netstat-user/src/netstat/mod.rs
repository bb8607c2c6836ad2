//! rnetstat: netstat's tables, once or repeatedly. Each operating system has a module; this one has what they share.

pub mod explain;
mod json;
mod repeat;
pub(crate) mod resolve;
mod summary;

#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use self::{options::NetstatOptions, system::cli::Cli};

pub use system::{options, run};

/// The options that the arguments select. `color_by_default` is the value of `--color auto`; `environment` returns an
/// environment variable.
///
/// # Errors
/// An error in the arguments, or the text of `--help` and `--version`: for [`clap::Error::exit`].
pub fn parse<I, A>(
    arguments: I,
    color_by_default: bool,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<NetstatOptions, clap::Error>
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    system::cli::options(Cli::try_parse_from(arguments)?, color_by_default, environment)
        .map_err(|error| Cli::command().error(ErrorKind::ArgumentConflict, error))
}
