//! `--color`.

use clap::ColorChoice;

use super::value::word;

/// The argument that selects colours.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ColorArgs {
    /// Colours; auto (the default): on a terminal, unless NO_COLOR is set
    #[arg(
        long,
        value_parser = word::<ColorChoice>("choice of colours", false),
        default_value = "auto",
        hide_default_value = true,
        value_name = "auto|always|never"
    )]
    color: ColorChoice,
}

impl ColorArgs {
    /// Whether to use colours; `by_default` is the value of `auto`.
    pub fn decide(self, by_default: bool) -> bool {
        match self.color {
            ColorChoice::Auto => by_default,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        }
    }
}
