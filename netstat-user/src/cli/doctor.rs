//! `rnetstat-trace doctor` and its options.

use clap::ColorChoice;

use crate::config::{DoctorConfig, has_color};

const EXIT_STATUS: &str = "\
Exit status: 0 if transitions can be seen as they happen, 1 if this host or user doesn't allow it, \
2 if it was called wrongly.";

/// How the doctor speaks.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub struct DoctorArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,

    /// Colours; auto (the default): on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        value_enum,
        default_value_t,
        hide_default_value = true,
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    color: ColorChoice,
}

impl DoctorArgs {
    pub(super) fn config(&self, color_by_default: bool) -> DoctorConfig {
        DoctorConfig { json: self.json, color: has_color(self.color, color_by_default) }
    }
}
