//! `rnetstat-trace doctor` and its options.

use crate::args::ColorArgs;
use crate::options::DoctorOptions;

const EXIT_STATUS: &str = "\
Exit status: 0 if transitions can be seen as they happen, 1 if this host or user doesn't allow it, \
2 if it was called wrongly.";

/// How `doctor` writes its report.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub struct DoctorArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    color: ColorArgs,
}

impl DoctorArgs {
    pub(super) fn options(&self, color_by_default: bool) -> DoctorOptions {
        DoctorOptions { json: self.json, color: self.color.decide(color_by_default) }
    }
}
