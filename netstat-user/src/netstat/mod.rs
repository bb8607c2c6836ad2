//! rnetstat: what netstat shows, once or every second. Each system has a room; what they share is here.

pub mod explain;
mod json;
mod repeat;
mod resolve;
mod summary;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(windows)]
mod windows;
#[cfg(windows)]
use windows as system;

use std::ffi::OsString;

use clap::{CommandFactory as _, Parser as _, error::ErrorKind};

use self::{request::Request, system::cli::Cli};

pub use system::{request, run};

/// What the arguments ask for. `color_by_default` decides for `--color auto`, `environment` gives a variable.
///
/// # Errors
/// What is wrong with the arguments, or the text of `--help` and `--version`: for [`clap::Error::exit`].
pub fn parse<I, A>(
    arguments: I,
    color_by_default: bool,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Request, clap::Error>
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    system::cli::request(Cli::try_parse_from(arguments)?, color_by_default, environment)
        .map_err(|error| Cli::command().error(ErrorKind::ArgumentConflict, error))
}
